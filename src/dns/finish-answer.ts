import {
  type DnsName,
  type DnsRecord,
  decodeMessage,
  HEADER_BYTES,
  HeaderFlag,
  isWireName,
  RecordType,
  ResponseCode,
} from '#wire/dns.ts';
import { prepareAnswer, respond, respondEmpty } from '#wire/dns-answer.ts';
import { questionLabels, readQuery } from '#wire/dns-query.ts';
import { DnsWriter } from '#wire/dns-writer.ts';
import {
  type Answerer,
  type DnsAnswer,
  type DnsReply,
  type DnsRequest,
  type DnsResult,
  DROP,
} from './handler.ts';

const MAX_MESSAGE = 0xffff;
/** Flags that an answer decides on. */
const ANSWER_FLAGS = HeaderFlag.AA | HeaderFlag.RA | HeaderFlag.AD | HeaderFlag.TC;

/** An answer without records. */
export function emptyAnswer(rcode: number, flags = 0): DnsAnswer {
  return { rcode, flags, answers: [], authorities: [], additionals: [] };
}

/** An answer with these records, authoritative unless flags say otherwise. */
export function answerWith(answers: readonly DnsRecord[], flags: number = HeaderFlag.AA): DnsAnswer {
  return { rcode: ResponseCode.NOERROR, flags, answers, authorities: [], additionals: [] };
}

/** The response in bytes: cut to the request's limit, with an OPT record if the query had one. */
export function finishAnswer({ query, limit }: DnsRequest, answer: DnsAnswer): Buffer {
  const { answers, authorities, additionals, rcode, flags, options } = answer;
  if (answers.length + authorities.length + additionals.length === 0 && options === undefined)
    return respondEmpty(query.message, query.questionEnd, rcode, query.edns, flags);
  const prepared = prepareAnswer(questionLabels(query), { rcode, answers, authorities, additionals });
  return respond(query, prepared, flags, limit, options);
}

/**
 * Hands the answer of `next` to `change`, whole: never cut to size, never in bytes. For plugins that look into
 * what others answer.
 */
export function nextAnswer(
  request: DnsRequest,
  next: Answerer,
  change: (answer: DnsAnswer) => DnsReply,
): DnsReply {
  const whole: DnsRequest = request.limit === MAX_MESSAGE ? request : { ...request, limit: MAX_MESSAGE };
  const reply = next(whole);
  const changed = (result: DnsResult): DnsReply => {
    request.answeredBy = whole.answeredBy;
    return result === DROP ? DROP : change(structured(result));
  };
  return reply instanceof Promise ? reply.then(changed) : changed(reply);
}

/** An answer as a value, whatever form it has. Throws a `DnsFormatError` for bytes that are no message. */
export function structured(result: Buffer | DnsAnswer): DnsAnswer {
  if (!Buffer.isBuffer(result)) return result;
  const message = decodeMessage(result);
  const opt = message.additionals.find((record) => record.type === RecordType.OPT);
  return {
    rcode: message.rcode | (opt === undefined ? 0 : (opt.ttl >>> 24) << 4),
    flags: message.flags & ANSWER_FLAGS,
    answers: message.answers,
    authorities: message.authorities,
    additionals: message.additionals.filter((record) => record !== opt),
  };
}

/** The same query with another question, such as after rewriting; undefined when the name is too long. */
export function withQuestion(request: DnsRequest, name: DnsName, type: number): DnsRequest | undefined {
  if (!isWireName(name)) return undefined;
  const { message, questionEnd, class: questionClass } = request.query;
  const writer = new DnsWriter();
  writer.bytes(message.subarray(0, HEADER_BYTES)).name(name, false).u16(type).u16(questionClass);
  return withMessage(request, Buffer.concat([writer.finish(), message.subarray(questionEnd)]));
}

/** The same query in other bytes; undefined when they are none that can be answered. */
export function withMessage(request: DnsRequest, message: Buffer): DnsRequest | undefined {
  const query = readQuery(message);
  return 'rejected' in query ? undefined : { ...request, query };
}
