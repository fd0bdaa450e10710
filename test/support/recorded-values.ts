// Recorded answers of kube-apiserver are compared by what a server decides, not by what it chooses: addresses, ports,
// names, times and versions become placeholders, numbered by first appearance. This brings an answer into that form.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonMap = { [key: string]: Json };

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const AGE = /^(\d+[ydhms])+$/;
const AGE_COLUMNS = new Set(['Age', 'First Seen', 'Last Seen', 'Duration', 'Created At', 'Last Schedule']);
const CHOSEN_METADATA = new Set(['uid', 'creationTimestamp', 'resourceVersion', 'selfLink', 'managedFields']);

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One run of one case: what it is called here, what it asked for, and the placeholders given so far. */
export class CaseValues {
  readonly namespace: string;
  readonly id: string;
  /** The requests as text: what stands in them is the case's own and stays as it is. */
  readonly #asked: string;
  readonly #addresses = new Map<string, string>();
  readonly #ports = new Map<number, string>();
  readonly #versions = new Map<string, string>();

  constructor(asked: string, namespace: string, id: string) {
    this.#asked = asked;
    this.namespace = namespace;
    this.id = id;
  }

  /** The comparable form of a value; `key` is the name under which it stands. */
  comparable(value: Json, key = ''): Json {
    if (Array.isArray(value))
      return value.map((item) => this.comparable(item, key === 'clusterIPs' ? 'clusterIP' : ''));
    if (isMap(value)) return this.#map(value, key);
    if (typeof value === 'number')
      return key === 'nodePort' || key === 'healthCheckNodePort' ? this.#port(value) : value;
    return typeof value === 'string' ? this.#text(value, key) : value;
  }

  /** Names of this run in the words of the recording. */
  ownNames(text: string): string {
    return text
      .replaceAll(this.namespace, '${ns}')
      .replaceAll(this.id, '${id}')
      .replaceAll(UUID, (uuid) => (this.#asked.includes(uuid) ? uuid : '<uid>'));
  }

  /** The facts of a failure. */
  failure(status: JsonMap): JsonMap {
    const details = isMap(status['details']) ? status['details'] : {};
    const out: JsonMap = { code: status['code'] ?? null };
    if (status['reason'] !== undefined) out['reason'] = status['reason'];
    if (details['kind'] !== undefined) out['kind'] = details['kind'];
    if (typeof details['group'] === 'string') out['group'] = this.ownNames(details['group']);
    if (typeof details['name'] === 'string') out['name'] = this.#name(details['name']);
    if (Array.isArray(details['causes']))
      out['causes'] = details['causes'].map((cause) => this.#cause(cause)).sort(byText);
    return out;
  }

  #cause(cause: Json): Json {
    const { field, reason } = isMap(cause) ? cause : {};
    return {
      ...(typeof field === 'string' && { field: this.ownNames(field) }),
      ...(reason !== undefined && { reason }),
    };
  }

  #map(map: JsonMap, key: string): Json {
    if (map['kind'] === 'Table' && (map['rows'] || map['columnDefinitions'])) return this.#table(map);
    if (map['kind'] === 'Status' && map['status'] === 'Failure') return this.failure(map);
    const out: JsonMap = {};
    for (const [name, value] of Object.entries(map)) {
      if (key === 'metadata' && CHOSEN_METADATA.has(name)) continue;
      if (name === 'storageVersionHash' || (name === 'message' && isSentence(map))) continue;
      if (name === 'uid' && !this.#asked.includes(JSON.stringify(value))) continue;
      out[this.ownNames(name)] = this.comparable(value, name);
    }
    return out;
  }

  #table(table: JsonMap): Json {
    const columns = listOf(table['columnDefinitions']);
    return {
      kind: 'Table',
      apiVersion: table['apiVersion'] ?? null,
      ...(isMap(table['metadata']) && { metadata: this.comparable(table['metadata'], 'metadata') }),
      columnDefinitions: columns.map((column) => this.comparable(without(column, 'description'))),
      rows: listOf(table['rows']).map((row) => ({
        object: this.comparable(row['object'] ?? null),
        ...(row['conditions'] && { conditions: this.comparable(row['conditions']) }),
        cells: (Array.isArray(row['cells']) ? row['cells'] : []).map((cell, i) =>
          this.#cell(cell, columns[i]?.['name']),
        ),
      })),
    };
  }

  #cell(cell: Json, column: Json | undefined): Json {
    if (typeof column === 'string' && AGE_COLUMNS.has(column)) return '<age>';
    if (typeof cell !== 'string') return cell;
    if (AGE.test(cell)) return '<age>';
    let text = this.#address(cell).replace(/ \((\d+[ydhms])+ ago\)/, ' (<age> ago)');
    for (const [address, placeholder] of this.#addresses) text = text.replaceAll(address, placeholder);
    for (const [port, placeholder] of this.#ports)
      text = text.replaceAll(new RegExp(`:${port}\\b`, 'g'), `:${placeholder}`);
    return TIME.test(text) && !this.#asked.includes(text) ? '<time>' : this.ownNames(text);
  }

  #text(text: string, key: string): string {
    if (key === 'clusterIP') return this.#address(text);
    if (key === 'continue' && text !== '') return '<continue>';
    if (TIME.test(text) && !this.#asked.includes(text)) return '<time>';
    if (key === 'name') return this.#addresses.get(text) ?? this.#name(text);
    if (key === 'resourceVersion') return this.#version(text);
    return this.#addresses.get(text) ?? this.ownNames(text);
  }

  #address(text: string): string {
    const isAddress = /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || /^[0-9a-f]*:[0-9a-f:.]*$/i.test(text);
    if (!isAddress || this.#asked.includes(text)) return text;
    const family = text.includes(':') ? 'ip6' : 'ip4';
    const before = [...this.#addresses.values()].filter((known) => known.startsWith(`<${family}`)).length;
    return remember(this.#addresses, text, `<${family}:service:${before + 1}>`);
  }

  #port(port: number): Json {
    if (port === 0 || new RegExp(`\\b${port}\\b`).test(this.#asked)) return port;
    return remember(this.#ports, port, `<nodePort:${this.#ports.size + 1}>`);
  }

  #version(text: string): string {
    if (text === '' || text === '0' || this.#asked.includes(`"resourceVersion":"${text}"`)) return text;
    return remember(this.#versions, text, `<version:${this.#versions.size + 1}>`);
  }

  /** What was made from a generateName of the case ends in five characters of the server's. */
  #name(name: string): string {
    if (!this.#asked.includes(`"${name}"`)) {
      for (const [, prefix = ''] of this.#asked.matchAll(/"generateName":"([^"]+)"/g)) {
        const start = prefix.slice(0, 58);
        if (name.length === start.length + 5 && name.startsWith(start))
          return `${this.ownNames(start)}<random 5>`;
      }
    }
    return this.ownNames(name);
  }
}

/** Conditions and statuses carry prose in `message`; Events carry what their writer said. */
function isSentence(map: JsonMap): boolean {
  return (
    'reason' in map && !('involvedObject' in map) && ('type' in map || 'status' in map || 'field' in map)
  );
}

function listOf(value: Json | undefined): JsonMap[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function without(map: JsonMap, key: string): JsonMap {
  return Object.fromEntries(Object.entries(map).filter(([name]) => name !== key));
}

function remember<K>(known: Map<K, string>, key: K, placeholder: string): string {
  const found = known.get(key);
  if (found !== undefined) return found;
  known.set(key, placeholder);
  return placeholder;
}

/** The text of a scalar; of anything else its JSON. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

export function byText(a: Json, b: Json): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
