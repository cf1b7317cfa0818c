import tls from 'node:tls';
import type { AddressInfo } from 'node:net';

/** A certificate of nobody for `hook.example`, signed by itself and good for a hundred years; its key opens nothing but this test. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBnjCCAUSgAwIBAgIUBKudXKoAlUyALvSL3QOVYoxc1bkwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMaG9vay5leGFtcGxlMCAXDTI2MTEyNDA5MDExN1oYDzIxMjYx
MDMxMDkwMTE3WjAXMRUwEwYDVQQDDAxob29rLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAARoGw2smyzEuOKMZqNDTlGzamg65x9Psp/GGwP5cLp/cto7
l2PBfJH5+mQAc3JaZGsDTBfSYmafdY0R04XksbaWo2wwajAdBgNVHQ4EFgQUmuNS
lh6eoWzfcmJ5t+58kVHRhuEwHwYDVR0jBBgwFoAUmuNSlh6eoWzfcmJ5t+58kVHR
huEwDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxob29rLmV4YW1wbGUwCgYI
KoZIzj0EAwIDSAAwRQIhALjvapcIHdaLLdDnCijidUdOO2+Rcd+jXOdlU1+TqM/X
AiBnVnw4491Ut4y2s9cjF2lhbLwGc0F3A+bdbbWjVSv5/Q==
-----END CERTIFICATE-----`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfprYsxI3ae2Rt1xq
wLZhT9R7lggkhgsv2tEbqpd4YKqhRANCAARoGw2smyzEuOKMZqNDTlGzamg65x9P
sp/GGwP5cLp/cto7l2PBfJH5+mQAc3JaZGsDTBfSYmafdY0R04XksbaW
-----END PRIVATE KEY-----`;

/** A receiver behind TLS that tells which name it was asked for. */
export async function tlsReceiver(): Promise<{ port: number; names: string[]; close: () => void }> {
  const names: string[] = [];
  const server = tls.createServer({ key, cert: certificate }, (socket) => {
    names.push(String(socket.servername));
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok'));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, names, close: () => server.close() };
}
