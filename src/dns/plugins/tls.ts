import { resolve } from 'node:path';
import { choice, fail, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import { checkPemFiles } from '#dns/pem-files.ts';
import type { Plugin, TlsFiles } from '#dns/plugin.ts';

const CLIENT_AUTH = ['nocert', 'request', 'require', 'verify_if_given', 'require_and_verify'] as const;

/** `tls`: certificate and key of `tls://` and `https://` servers. */
export const tls: Plugin = {
  name: 'tls',
  parse(directives, { root, warn }) {
    const directive = onlyOnce(directives);
    const [certificate, key, clientCa, ...more] = directive.args.map((file) => resolve(root, file));
    if (certificate === undefined || key === undefined || more.length > 0)
      fail(directive, 'takes two files, certificate and key, and, if clients need certificates, a CA');
    try {
      checkPemFiles({ certificate, key, ca: clientCa });
    } catch (error) {
      fail(directive, (error as Error).message);
    }
    let files: TlsFiles = { certificate, key, clientCa };
    for (const option of directive.block ?? []) {
      if (option.name === 'client_auth')
        files = { ...files, clientAuth: choice(option, onlyArg(option, 'a word'), CLIENT_AUTH) };
      else if (option.name === 'keylog') {
        const keyLog = resolve(root, onlyArg(option, 'a file'));
        warn(`tls: whoever may read ${keyLog} can read what clients ask and hear`);
        files = { ...files, keyLog };
      } else unknownOption('tls', option, ['client_auth', 'keylog']);
    }
    return {
      explain: [`shows the certificate ${certificate}`],
      settings: { tls: files },
      setup: () => ({ name: 'tls' }),
    };
  },
};
