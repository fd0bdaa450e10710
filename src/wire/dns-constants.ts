/** Numbers of the IANA registry "Domain Name System (DNS) Parameters" that this project has a use for. */

/** Resource record types. */
export const RecordType = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;

/** Response codes; those above 15 need an OPT record for their upper bits (RFC 6891 §6.1.3). */
export const ResponseCode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

export const Opcode = { QUERY: 0, NOTIFY: 4 } as const;

/** Bits of the second 16-bit word of a message's header (RFC 1035 §4.1.1, RFC 4035 §3). */
export const HeaderFlag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

export const HEADER_BYTES = 12;

/** Types that have a name but no code of their own here. */
const OTHER_TYPES: Readonly<Record<string, number>> = {
  MD: 3,
  MF: 4,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  HINFO: 13,
  MINFO: 14,
  RP: 17,
  AFSDB: 18,
  X25: 19,
  ISDN: 20,
  RT: 21,
  SIG: 24,
  KEY: 25,
  PX: 26,
  GPOS: 27,
  LOC: 29,
  NXT: 30,
  EID: 31,
  NIMLOC: 32,
  ATMA: 34,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  IPSECKEY: 45,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  HIP: 55,
  NINFO: 56,
  RKEY: 57,
  TALINK: 58,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  UINFO: 100,
  UID: 101,
  GID: 102,
  UNSPEC: 103,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  TKEY: 249,
  TSIG: 250,
  MAILB: 253,
  MAILA: 254,
  URI: 256,
  CAA: 257,
  AVC: 258,
  AMTRELAY: 260,
  TA: 32_768,
  DLV: 32_769,
};

const NUMBERS = new Map<string, number>(Object.entries({ ...RecordType, ...OTHER_TYPES }));
const NAMES = new Map<number, string>([...NUMBERS].map(([name, number]) => [number, name]));

/** `NOERROR` and so on; undefined when it has no name here. */
export function rcodeName(rcode: number): string | undefined {
  return RCODE_NAMES.get(rcode);
}

/** The number of `NXDOMAIN` and the like, in any case; undefined when it is no response code. */
export function rcodeNumber(name: string): number | undefined {
  return RCODES.get(name.toUpperCase());
}

const RCODES = new Map<string, number>(
  Object.entries({ ...ResponseCode, YXDOMAIN: 6, YXRRSET: 7, NXRRSET: 8, NOTAUTH: 9, NOTZONE: 10 }),
);
const RCODE_NAMES = new Map<number, string>([...RCODES].map(([name, code]) => [code, name]));

/** `A`, `AAAA` and so on; `TYPE123` (RFC 3597) for a type without a name here. */
export function typeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`;
}

/** The number of `A`, `aaaa` or `TYPE123`; undefined when it is no type. */
export function typeNumber(name: string): number | undefined {
  const upper = name.toUpperCase();
  const generic = /^TYPE(\d{1,5})$/.exec(upper);
  return NUMBERS.get(upper) ?? (generic === null ? undefined : Number(generic[1]));
}
