import { fail, integer, onlyArg, unknownOption, zonesArg } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import { goRegExp } from '#dns/go-regexp.ts';
import type { ParseScope } from '#dns/plugin.ts';
import { parseZones, ZoneSet } from '#dns/zone.ts';
import { RecordType, ResponseCode, rcodeNumber, typeNumber } from '#wire/dns.ts';
import type { EdnsOption } from '#wire/dns-answer.ts';
import { parseTemplate, type TextTemplate } from './text-template.ts';

export interface TemplateConfig {
  /** 255: any. */
  readonly class: number;
  readonly type: number;
  readonly zones: ZoneSet;
  /** One has to match the name; none: all names. */
  readonly patterns: readonly RegExp[];
  readonly answers: readonly TextTemplate[];
  readonly authorities: readonly TextTemplate[];
  readonly additionals: readonly TextTemplate[];
  readonly rcode: number;
  /** An extended error (RFC 8914). */
  readonly extendedError: EdnsOption | undefined;
  readonly fallthrough: ZoneSet;
}

export const ANY_CLASS = 255;
const CLASSES: Readonly<Record<string, number>> = { IN: 1, CH: 3, HS: 4, ANY: ANY_CLASS };
const OPTIONS = ['match', 'answer', 'additional', 'authority', 'rcode', 'ederror', 'upstream', 'fallthrough'];
const EXTENDED_ERROR = 15;

/** Reads `template CLASS TYPE [ZONE…] { … }`. */
export function parseTemplateConfig(directive: Directive, { keys }: ParseScope): TemplateConfig {
  const [className, typeText, ...zones] = directive.args;
  if (className === undefined || typeText === undefined)
    fail(directive, 'takes a class, a type and zones, such as: IN A .');
  let config: TemplateConfig = {
    class:
      CLASSES[className.toUpperCase()] ??
      fail(directive, `${className} is no class; there are IN, CH, HS, ANY`),
    type: typeNumber(typeText) ?? fail(directive, `${typeText} is no record type`),
    zones: new ZoneSet(
      zonesArg(
        directive,
        zones,
        keys.map(({ zone }) => zone),
      ),
    ),
    patterns: [],
    answers: [],
    authorities: [],
    additionals: [],
    rcode: ResponseCode.NOERROR,
    extendedError: undefined,
    fallthrough: new ZoneSet([]),
  };
  for (const option of directive.block ?? []) config = { ...config, ...readOption(option, config) };
  return config;
}

function readOption(option: Directive, config: TemplateConfig): Partial<TemplateConfig> {
  switch (option.name) {
    case 'match':
      return {
        patterns: [
          ...config.patterns,
          ...some(option, 'a regular expression').map((text) => pattern(option, text)),
        ],
      };
    case 'answer':
      return { answers: [...config.answers, ...templates(option)] };
    case 'additional':
      return { additionals: [...config.additionals, ...templates(option)] };
    case 'authority':
      return { authorities: [...config.authorities, ...templates(option)] };
    case 'rcode': {
      const text = onlyArg(option, 'a response code');
      return { rcode: rcodeNumber(text) ?? fail(option, `${text} is no response code`) };
    }
    case 'ederror':
      return { extendedError: extendedError(option) };
    case 'upstream':
      return {};
    case 'fallthrough':
      return { fallthrough: new ZoneSet(zonesArg(option, option.args, parseZones('.'))) };
    default:
      return unknownOption('template', option, OPTIONS);
  }
}

function some(option: Directive, what: string): readonly string[] {
  if (option.args.length === 0) fail(option, `takes ${what}`);
  return option.args;
}

function pattern(option: Directive, text: string): RegExp {
  try {
    return goRegExp(text);
  } catch (error) {
    return fail(option, `${text} is no regular expression: ${(error as Error).message}`);
  }
}

function templates(option: Directive): TextTemplate[] {
  return some(option, 'a record in quotes, such as "{{ .Name }} 60 IN A 192.0.2.1"').map((text) => {
    try {
      return parseTemplate(text);
    } catch (error) {
      return fail(option, (error as Error).message);
    }
  });
}

function extendedError(option: Directive): EdnsOption {
  const [code = '', reason = '', ...more] = option.args;
  if (more.length > 0) fail(option, 'takes a number and a reason in quotes');
  const head = Buffer.alloc(2);
  head.writeUInt16BE(integer(option, code, 0, 0xffff));
  return { code: EXTENDED_ERROR, data: Buffer.concat([head, Buffer.from(reason)]) };
}

/** Whether a template is for such a query, apart from the name. */
export function isFor(config: TemplateConfig, queryClass: number, type: number): boolean {
  const any = RecordType.ANY;
  if (config.type !== any && type !== any && type !== config.type) return false;
  return config.class === ANY_CLASS || queryClass === ANY_CLASS || queryClass === config.class;
}
