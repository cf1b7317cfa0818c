import { randomUUID } from 'node:crypto';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Log } from './log.js';
import { Problem } from './problem.js';

interface Refusal {
  readonly statusCode?: number;
  readonly code?: string;
  readonly message?: string;
}

/** What Postgres says of NUL in a text: ids in paths, filters and bodies come from whoever asks. */
const NO_TEXT = '22021';

/**
 * Answers every failure of a request as RFC 9457 problem+json. What it does not know is a 500 with an id that the log has too, and no
 * detail.
 */
@Injectable()
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = this.problemOf(error);
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    void reply.status(problem.status).headers(problem.headers).type('application/problem+json').send(JSON.stringify(problem.document()));
  }

  private problemOf(error: unknown): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof HttpException) {
      const status = error.getStatus();
      if (status === 404) return new Problem(404, 'not_found', 'There is nothing at this path. The paths are listed at /docs.');
      return new Problem(status, status === 400 ? 'bad_request' : `http_${status}`, error.message);
    }
    // Fastify's own refusals: a body too large, a media type it does not know, JSON that cannot be read.
    const { statusCode, code, message } = (error ?? {}) as Refusal;
    if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
      return new Problem(statusCode, (code ?? `http_${statusCode}`).toLowerCase().replace(/^fst_err_/, ''), message ?? 'The request was refused.');
    }
    if (code === NO_TEXT) return new Problem(400, 'invalid_text', 'The request has a character that no text can hold, such as NUL. Send it without.');
    const id = randomUUID();
    this.log.error({ id, error: error instanceof Error ? error.name : typeof error, stack: stackOf(error) }, 'request failed');
    return new Problem(500, 'internal_error', `Something went wrong here; the log has it under ${id}.`);
  }
}

/** Frames only: the message of a database error may hold values of a row. */
function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return error.stack?.split('\n').filter((line) => line.trimStart().startsWith('at ')).slice(0, 8).join('\n');
}
