/**
 * The two ways in for leads, as OpenAPI 3.1 paths: their handlers stand outside of Nest's pipeline, so that nothing else can describe
 * them. A composition root adds them to its document.
 */

const problem = (description: string) => ({ description, content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } });
const key = {
  name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', maxLength: 200 },
  description: 'Sent again with the same body it is answered the same, for 7 days; with another body it is refused.',
};
const campaign = { name: 'campaign', in: 'query', required: false, schema: { type: 'string' }, description: 'The campaign of leads that name none.' };

const NewLead = {
  type: 'object', required: ['fields'], additionalProperties: false,
  properties: {
    campaign: { type: 'string', description: 'Needed where the source has no default and does not allow leads without a campaign.' },
    fields: { type: 'object', description: 'The fields of the campaign.', additionalProperties: true },
    lat: { type: 'number', minimum: -90, maximum: 90 }, lon: { type: 'number', minimum: -180, maximum: 180 },
    list: { type: 'string', description: 'A distribution list.' }, channel: { type: 'string' }, country: { type: 'string', pattern: '^[A-Za-z]{2}$' },
    score: { type: 'number' }, consent: { type: 'array', items: { type: 'string' }, description: 'Ids of the clients that the person agreed to.' },
  },
};

const Problem = {
  type: 'object', required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, code: { type: 'string' }, detail: { type: 'string' },
    errors: { type: 'array', items: { type: 'object', properties: { pointer: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } } } },
  },
};

const Accepted = {
  type: 'object', required: ['leadId', 'status', 'links'],
  properties: {
    leadId: { type: 'string', format: 'uuid' }, status: { enum: ['received', 'distributed', 'notDistributed'] },
    duplicateOf: { type: 'string', format: 'uuid' },
    decision: { type: 'object', properties: { attemptId: { type: 'string' }, decidedAt: { type: 'string' }, contracts: { type: 'integer' }, reason: { type: 'string' } } },
    links: { type: 'object', properties: { self: { type: 'string' }, attempts: { type: 'string' } } },
  },
};

const LineResult = {
  type: 'object', required: ['line', 'status'],
  properties: {
    line: { type: 'integer' }, status: { enum: ['accepted', 'replayed', 'rejected', 'failed'] }, leadId: { type: 'string', format: 'uuid' },
    duplicateOf: { type: 'string' }, code: { type: 'string' }, detail: { type: 'string' }, errors: Problem.properties.errors,
  },
};

const refusals = {
  400: problem('The body cannot be read.'), 401: problem('No valid source key.'), 403: problem('The source is paused.'),
  415: problem('Another media type, or a Content-Encoding.'), 429: problem('Overloaded: nothing was accepted. See Retry-After.'),
};

export const intakeSchemas = { NewLead, Problem, AcceptedLead: Accepted, LeadLineResult: LineResult } as const;

export const intakePaths = {
  '/v1/leads': { post: {
    operationId: 'postLead', tags: ['Leads'], summary: 'Sends one lead', security: [{ bearer: [] }],
    parameters: [key, campaign, { name: 'Prefer', in: 'header', required: false, schema: { type: 'string' }, description: '`wait=N`: answers with the decision, at most N (up to 30) seconds later.' }],
    requestBody: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/NewLead' } } } },
    responses: {
      200: { description: 'Stored and decided.', content: { 'application/json': { schema: { $ref: '#/components/schemas/AcceptedLead' } } } },
      202: { description: 'Stored.', content: { 'application/json': { schema: { $ref: '#/components/schemas/AcceptedLead' } } } },
      ...refusals, 409: problem('A duplicate that the campaign rejects.'), 413: problem('More than 64 kB.'),
      422: problem('The lead does not fit its campaign: every fault with its pointer. Or the Idempotency-Key stands for another body.'),
      503: problem('Could not be stored; send it again with the same Idempotency-Key.'),
    },
  } },
  '/v1/leads:batch': { post: {
    operationId: 'postLeads', tags: ['Leads'], summary: 'Sends a stream of leads, and answers a line for each', security: [{ bearer: [] }], parameters: [key, campaign],
    requestBody: { required: true, content: {
      'application/x-ndjson': { schema: { $ref: '#/components/schemas/NewLead' } },
      'text/csv': { schema: { type: 'string', description: 'A header row names the fields; `$list`, `$country` … are of the lead itself.' } },
    } },
    responses: {
      200: { description: 'A result for each line, in order.', content: { 'application/x-ndjson': { schema: { $ref: '#/components/schemas/LeadLineResult' } } } },
      ...refusals,
    },
  } },
} as const;
