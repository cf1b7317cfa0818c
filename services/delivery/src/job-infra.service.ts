import { Injectable } from '@nestjs/common';
import { Clock, Log } from '@sluice/runtime';

/** What the job and its writer of results need of the process. */
@Injectable()
export class JobInfra {
  constructor(readonly clock: Clock, readonly log: Log) {}
}
