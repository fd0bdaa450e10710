/**
 * `$(NAME)` becomes the variable's value, `$$` a dollar sign; an unknown name or an unclosed parenthesis stays as it
 * is written (k8s.io/kubernetes third_party/forked/golang/expansion).
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  if (!text.includes('$')) return text;
  let result = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0 || dollar === text.length - 1) return result + text.slice(at);
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    const end = next === '(' ? text.indexOf(')', dollar) : -1;
    if (next === '$') {
      result += '$';
      at = dollar + 2;
    } else if (end > 0) {
      const written = text.slice(dollar, end + 1);
      result += lookup(text.slice(dollar + 2, end)) ?? written;
      at = end + 1;
    } else {
      result += `$${next}`;
      at = dollar + 2;
    }
  }
  return result;
}
