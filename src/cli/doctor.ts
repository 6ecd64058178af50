/** `carom doctor`: looks at everything that usually goes wrong, and says what to do about it. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { answer, clientCommand, dataDirOf, openSession } from './client-command.ts';
import { checkAccounts, checkConfiguration } from './doctor-configuration.ts';
import { checkDataDirectory, checkNode } from './doctor-local.ts';
import { checkKey, checkReady, checkServer } from './doctor-server.ts';
import { CommandFailure } from './failure.ts';
import { drawFinding } from './finding.ts';
import type { CliIo } from './io.ts';

/** The command. */
export function doctorCommand(program: CommandUnknownOpts, io: CliIo): void {
  clientCommand(program, 'doctor')
    .description('check the installation and say what to do; exit status 1 when something is broken')
    .action(async (options) => {
      const session = await openSession(options, io);
      const { client } = session;
      const findings = [checkNode(io.nodeVersion), await checkDataDirectory(dataDirOf(options, io))];
      const server = await checkServer(client, io.version);
      findings.push(server);
      // What depends on a server that is not there would only repeat that.
      if (server.result !== 'failure') {
        findings.push(await checkReady(client));
        const key = await checkKey(client);
        findings.push(key);
        if (key.result !== 'failure') findings.push(...(await checkAccounts(client)));
        if (key.result === 'ok') findings.push(...(await checkConfiguration(client)));
      }
      answer(session, findings, () => findings.map((finding) => drawFinding(finding, session.style)).join('\n'));
      const failures = findings.filter(({ result }) => result === 'failure').length;
      if (failures > 0) throw new CommandFailure(failures === 1 ? '1 check failed' : `${failures} checks failed`);
    });
}
