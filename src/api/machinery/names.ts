// What names, labels and ports must look like. Each check returns the sentences of what is wrong ([] when nothing is);
// rules and sentences are upstream's (k8s.io/apimachinery util/validation), sources are RFC 1035 and RFC 1123.

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DNS1123_LABEL = new RegExp(`^${LABEL}$`);
const DNS1123_SUBDOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})*$`);
const UNDERSCORE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const UNDERSCORE_SUBDOMAIN = new RegExp(`^${UNDERSCORE_LABEL}(\\.${UNDERSCORE_LABEL})*$`);
const DNS1035_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
const C_IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PORT_NAME = /^[-a-z0-9]+$/;
const HTTP_HEADER = /^[-A-Za-z0-9]+$/;
const HTTP_PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;

const DNS1123_LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const DNS1123_SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const UNDERSCORE_SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const DNS1035_LABEL_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const QUALIFIED_TEXT =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_VALUE_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

function regexText(text: string, pattern: string, ...examples: string[]): string {
  const shown = examples.map((example) => `'${example}'`).join(', or ');
  return `${text} (e.g. ${shown}, regex used for validation is '${pattern}')`;
}

function maxLength(value: string, max: number): string[] {
  return byteLength(value) > max ? [`must be no more than ${max} bytes`] : [];
}

/** UTF-8 length, in which upstream's limits count. */
export function byteLength(value: string): number {
  return Buffer.byteLength(value);
}

/** `value` is a DNS label in the sense of RFC 1123: `my-name`, `123-abc`. */
export function dns1123Label(value: string): string[] {
  const errors = maxLength(value, 63);
  if (DNS1123_LABEL.test(value)) return errors;
  const text = DNS1123_SUBDOMAIN.test(value) ? 'must not contain dots' : undefined;
  return [...errors, text ?? regexText(DNS1123_LABEL_TEXT, LABEL, 'my-name', '123-abc')];
}

/** `value` is a DNS name of labels and dots: `example.com`. */
export function dns1123Subdomain(value: string): string[] {
  const errors = maxLength(value, 253);
  if (DNS1123_SUBDOMAIN.test(value)) return errors;
  return [...errors, regexText(DNS1123_SUBDOMAIN_TEXT, `${LABEL}(\\.${LABEL})*`, 'example.com')];
}

/** A DNS name whose labels may begin with an underscore and have others inside: `_sip._tcp.abc_d.example.com`. */
export function dns1123SubdomainWithUnderscore(value: string): string[] {
  const errors = maxLength(value, 253);
  if (UNDERSCORE_SUBDOMAIN.test(value)) return errors;
  const pattern = `${UNDERSCORE_LABEL}(\\.${UNDERSCORE_LABEL})*`;
  return [...errors, regexText(UNDERSCORE_SUBDOMAIN_TEXT, pattern, 'example.com')];
}

/** A DNS name whose first label may be `*`. */
export function wildcardDns1123Subdomain(value: string): string[] {
  if (value.startsWith('*.') && DNS1123_SUBDOMAIN.test(value.slice(2))) return maxLength(value, 253);
  return [
    regexText(
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
      `\\*\\.${LABEL}(\\.${LABEL})*`,
      '*.example.com',
    ),
  ];
}

/** `value` is a DNS label that starts with a letter. */
export function dns1035Label(value: string): string[] {
  const errors = maxLength(value, 63);
  if (DNS1035_LABEL.test(value)) return errors;
  return [...errors, regexText(DNS1035_LABEL_TEXT, '[a-z]([-a-z0-9]*[a-z0-9])?', 'my-name', 'abc-123')];
}

/** `value` is the key of a label or annotation: `name` or `prefix/name`. */
export function qualifiedName(value: string): string[] {
  const parts = value.split('/');
  const errors: string[] = [];
  const [first = '', second] = parts;
  if (parts.length > 2) {
    const example = regexText(
      `a qualified name ${QUALIFIED_TEXT}`,
      '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]',
      'MyName',
      'my.name',
      '123-abc',
    );
    return [`${example} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  if (second !== undefined) {
    if (first === '') errors.push('prefix part must be non-empty');
    else errors.push(...dns1123Subdomain(first).map((text) => `prefix part ${text}`));
  }
  const name = second ?? first;
  if (name === '') errors.push('name part must be non-empty');
  else if (byteLength(name) > 63) errors.push('name part must be no more than 63 bytes');
  if (!QUALIFIED_PART.test(name)) {
    errors.push(
      `name part ${regexText(QUALIFIED_TEXT, '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]', 'MyName', 'my.name', '123-abc')}`,
    );
  }
  return errors;
}

/** `value` may be a label's value (may be empty). */
export function labelValue(value: string): string[] {
  const errors = maxLength(value, 63);
  if (LABEL_VALUE.test(value)) return errors;
  const pattern = '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?';
  return [...errors, regexText(LABEL_VALUE_TEXT, pattern, 'MyValue', 'my_value', '12345')];
}

/** `value` is a key of a ConfigMap or Secret: a file name. */
export function configMapKey(value: string): string[] {
  const errors = maxLength(value, 253);
  if (!CONFIG_KEY.test(value)) {
    const text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    errors.push(regexText(text, '[-._a-zA-Z0-9]+', 'key.name', 'KEY_NAME', 'key-name'));
  }
  if (value === '.') errors.push("must not be '.'");
  else if (value === '..') errors.push("must not be '..'");
  else if (value.startsWith('..')) errors.push("must not start with '..'");
  return errors;
}

/** `value` may name an environment variable: printable ASCII without `=`. */
export function envVarName(value: string): string[] {
  if (value !== '' && /^[\x20-\x3c\x3e-\x7e]+$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** `value` is an identifier as C knows it. */
export function cIdentifier(value: string): string[] {
  if (C_IDENTIFIER.test(value)) return [];
  const text =
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'";
  return [regexText(text, '[A-Za-z_][A-Za-z0-9_]*', 'my_name', 'MY_NAME', 'MyName')];
}

/** `value` names a port as RFC 6335 has it: at most 15 characters, one of them a letter. */
export function portName(value: string): string[] {
  const errors = value.length > 15 ? ['must be no more than 15 characters'] : [];
  if (!PORT_NAME.test(value))
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

/** `port` is 1 to 65535. */
export function portNumber(port: number): string[] {
  return port >= 1 && port <= 65535 ? [] : ['must be between 1 and 65535, inclusive'];
}

/** `value` is a header name of HTTP. */
export function httpHeaderName(value: string): string[] {
  if (HTTP_HEADER.test(value)) return [];
  const text = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [regexText(text, '[-A-Za-z0-9]+', 'X-Header-Name')];
}

/** `value` is a finalizer or another name that may be `domain/path`. */
export function domainPrefixedPath(value: string): string[] {
  const slash = value.indexOf('/');
  if (slash <= 0) return ['must be a domain-prefixed path (such as "acme.io/foo")'];
  const errors = dns1123Subdomain(value.slice(0, slash));
  const path = value.slice(slash + 1);
  if (path === '') errors.push('must be a domain-prefixed path (such as "acme.io/foo")');
  else if (!HTTP_PATH.test(path)) errors.push('Invalid path');
  return errors;
}

/** `value` can stand as one part of a URL path (names of RBAC kinds and everything else). */
export function pathSegmentName(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((bad) => value.includes(bad)).map((bad) => `may not contain '${bad}'`);
}

/** How a check of names is used for metadata.name: the last two characters of `generate-` count as one letter. */
export function nameCheck(check: (value: string) => string[]): (name: string, prefix: boolean) => string[] {
  return (name, prefix) =>
    check(prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name);
}
