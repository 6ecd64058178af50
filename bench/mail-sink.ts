/** The mail server of the bench: speaks the protocol, reads all mail and keeps none. In a process of its own: `node bench/mail-sink.ts PORT`. */
import { SMTPServer } from 'smtp-server';

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  hideDSN: false,
  onData: (stream, _session, callback) => {
    stream.on('end', () => callback());
    stream.resume();
  },
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening on it'));
