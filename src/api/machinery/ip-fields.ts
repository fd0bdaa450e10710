// Findings and warnings about fields that hold IP addresses and networks.
import { Cidr, isLinkLocalIp, isLoopbackIp, isMulticastIp, isUnspecifiedIp, parseIp } from '#lib/ip.ts';
import { type FieldError, invalid } from './field-error.ts';

const NOT_AN_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const NOT_A_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
const MAPPED = /^::ffff:/i;

/** The finding for what is no address, or one in a form that parsers disagree about. */
export function validateIp(value: string, path: string): FieldError[] {
  if (parseIp(value) === undefined) return [invalid(path, value, NOT_AN_IP)];
  return MAPPED.test(value) ? [invalid(path, value, 'must not be an IPv4-mapped IPv6 address')] : [];
}

/** The finding for what is no network in masked form. */
export function validateCidr(value: string, path: string): FieldError[] {
  const cidr = Cidr.parse(value);
  if (cidr === undefined) return [invalid(path, value, NOT_A_CIDR)];
  if (MAPPED.test(value)) return [invalid(path, value, 'must not have an IPv4-mapped IPv6 address')];
  if (cidr.network !== cidr.address) {
    return [invalid(path, value, 'must not have bits set beyond the prefix length')];
  }
  return [];
}

/** The findings for addresses that no packet to a Service or endpoint may carry. */
export function validateNonSpecialIp(value: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (text: string) => errors.push(invalid(path, value, text));
  if (isUnspecifiedIp(value)) refuse(`may not be unspecified (${value})`);
  if (isLoopbackIp(value)) refuse('may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (isLinkLocalIp(value)) refuse('may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (isLinkLocalMulticast(value))
    refuse('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  return errors;
}

function isLinkLocalMulticast(value: string): boolean {
  return isMulticastIp(value) && (value.includes(':') ? /^ff02:/i.test(value) : value.startsWith('224.0.0.'));
}

/** The warning for an address that is not written in its canonical form. */
export function ipWarnings(value: string, path: string): string[] {
  const canonical = parseIp(value);
  if (canonical === undefined || canonical === value) return [];
  return [
    `${path}: IPv6 address ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`,
  ];
}

/** The warning for a network that is not written in its canonical form. */
export function cidrWarnings(value: string, path: string): string[] {
  const cidr = Cidr.parse(value);
  if (cidr === undefined) return [];
  const canonical = `${cidr.network}/${cidr.prefixLength}`;
  return canonical === value
    ? []
    : [`${path}: CIDR value ${JSON.stringify(value)} should be in the form ${JSON.stringify(canonical)}`];
}
