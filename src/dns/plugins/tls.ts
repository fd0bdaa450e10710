import { isAbsolute, join } from 'node:path';
import { choice, fail, onlyArg, onlyOnce, unknownOption } from '#dns/corefile/arguments.ts';
import { checkPemFiles } from '#dns/pem-files.ts';
import type { Plugin, TlsFiles } from '#dns/plugin.ts';

const CLIENT_AUTH = ['nocert', 'request', 'require', 'verify_if_given', 'require_and_verify'] as const;

/** `tls`: certificate and key of `tls://` and `https://` servers. */
export const tls: Plugin = {
  name: 'tls',
  parse(directives, { root }) {
    const directive = onlyOnce(directives);
    const [certificate, key, clientCa, ...more] = directive.args.map((file) =>
      isAbsolute(file) ? file : join(root, file),
    );
    if (certificate === undefined || key === undefined || more.length > 0)
      fail(directive, 'takes two files, certificate and key, and, if clients need certificates, a CA');
    try {
      checkPemFiles({ certificate, key, ca: clientCa });
    } catch (error) {
      fail(directive, (error as Error).message);
    }
    let clientAuth: TlsFiles['clientAuth'];
    for (const option of directive.block ?? []) {
      if (option.name !== 'client_auth') unknownOption('tls', option, ['client_auth']);
      clientAuth = choice(option, onlyArg(option, 'a word'), CLIENT_AUTH);
    }
    return {
      explain: [`shows the certificate ${certificate}`],
      settings: { tls: { certificate, key, clientCa, clientAuth } },
      setup: () => ({ name: 'tls' }),
    };
  },
};
