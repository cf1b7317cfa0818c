import { Injectable } from '@nestjs/common';
import { Authenticator, type Principal } from '@sluice/runtime';
import { SourcesService } from './sources.service.js';

/** Tells who holds a source key, for the guard of the composition root. */
@Injectable()
export class SourceAuthenticator extends Authenticator {
  constructor(private readonly sources: SourcesService) {
    super();
  }

  override async authenticate(key: string): Promise<Principal | undefined> {
    const source = await this.sources.byKey(key);
    return source && { tenantId: source.tenantId, kind: 'source', id: source.sourceId };
  }
}
