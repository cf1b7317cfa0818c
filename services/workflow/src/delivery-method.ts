/** How a contract's leads reach the client. Secrets are born in the delivery service and never stand here. */
import { z } from 'zod';
import { RE2JS } from 're2js';
import { duration, flag, id, integer, numberFrom, says, text, word } from './leaf.js';

const path = z.string(says('a path such as $.result'))
  .regex(/^\$(?:\.[A-Za-z_][\w-]*|\[\d{1,6}\]|\['[^'\\]{1,100}'\])*$/, says('a path such as $.result'));
const pattern = z.string(says('a regular expression')).max(1000, says('a regular expression of at most 1000 characters')).superRefine((value, context) => {
  try {
    RE2JS.compile(value);
  } catch {
    context.addIssue({ code: 'custom', message: 'expected a regular expression of linear time (RE2 syntax: no look-around, no back-references)' });
  }
});
const oneOrMore = <T extends z.ZodType>(item: T) => z.union([z.array(item), item]);
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], says('one value'));
const status = z.union([integer(100, 599), z.string().regex(/^[1-5]xx$/, says('a status such as 200 or 2xx'))]);

const bodyTest = z.strictObject({
  path, equals: oneOrMore(scalar).optional(), in: z.array(scalar).optional(), matches: pattern.optional(), exists: flag.optional(),
});

const rule = {
  status: oneOrMore(status).optional(),
  body: oneOrMore(bodyTest).optional(),
  text: z.strictObject({ matches: pattern }).optional(),
  reason: z.string(says('a path such as $.reason, or text')).max(200).optional().describe('Where the answer has the reason, or the reason itself.'),
  reference: path.optional().describe("Where the answer has the client's own reference."),
  final: flag.optional().describe('A no by this rule stands even after an attempt whose answer was lost.'),
};
const answerRule = z.strictObject(rule).meta({ id: 'AnswerRule', description: 'All that it names must hold of the answer.' });

const retry = z.strictObject({
  ...rule,
  delays: z.array(duration).max(50, says('at most 50 delays')).optional(),
  first: duration.optional(),
  factor: numberFrom(1, 10).optional(),
  max: duration.optional(),
  attempts: integer(1, 100).optional(),
  jitter: numberFrom(0, 2).optional(),
  within: duration.optional().describe('No attempt begins later than this after the reservation.'),
});

export const deliveryMethod = z.strictObject({
  id,
  name: text.optional(),
  type: word('webhook'),
  enabled: flag.optional(),
  onUnknown: word('hold', 'accept', 'release').optional().describe('What becomes of a delivery that nobody answered; hold unless set.'),
  url: z.string(says('an address such as https://client.example/leads')).max(2048).regex(/^https?:\/\/[^\s]+$/, says('an address such as https://client.example/leads')),
  method: word('POST', 'PUT').optional(),
  headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, says('the name of a header')), z.string(says('text')).max(2000)).optional(),
  timeout: duration.optional().describe('PT15S unless set; at most PT20S.'),
  concurrency: integer(1, 1000).optional().describe('Requests at a time, at most.'),
  accept: oneOrMore(answerRule).optional().describe('Answers that are a yes.'),
  reject: oneOrMore(answerRule).optional().describe('Answers that are a no.'),
  retry: retry.optional(),
  format: word('json', 'form', 'xml', 'text').optional(),
  body: z.string(says('a template')).max(64 * 1024, says('a template of at most 64 KiB')).optional().describe('A Liquid template.'),
  fields: z.record(z.string().min(1).max(100), z.unknown()).optional().describe('Names of the client against paths such as $.fields.email, or constants.'),
}).superRefine((value, context) => {
  if (value.body !== undefined && value.fields !== undefined) context.addIssue({ code: 'custom', path: ['body'], message: 'give a body or fields, not both' });
}).meta({ id: 'DeliveryMethod' });
