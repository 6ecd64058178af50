/** `carom providers vapid`: a pair of keys for a `web-push` provider (RFC 8292). */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliIo } from './io.ts';

/** The subcommand. It needs no server, and keeps nothing. */
export function vapidCommand(providers: CommandUnknownOpts, io: CliIo): void {
  providers
    .command('vapid')
    .description('make a pair of keys for a web-push provider')
    .option('--json', 'answer in JSON, for machines')
    .addHelpText('after', '\nMake them once: browsers that subscribed with one key take messages of no other.\n')
    .action(async ({ json }) => {
      // Nothing else of the command line needs it.
      const { default: webPush } = await import('web-push');
      const { publicKey, privateKey } = webPush.generateVAPIDKeys();
      io.out(
        json
          ? `${JSON.stringify({ publicKey, privateKey }, null, 2)}\n`
          : `publicKey: ${publicKey}\nprivateKey: ${privateKey}\n`,
      );
      if (!json) io.err('the private key is shown this once; pages subscribe with the public one\n');
    });
}
