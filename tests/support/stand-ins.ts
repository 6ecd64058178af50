/** Values for the variables in the documentation's examples: a form is checked before anything is sent. */
import { createECDH, generateKeyPairSync } from 'node:crypto';

/** The end of a variable's name, and what has to stand there. The first that fits counts. */
const FORMS: [end: RegExp, make: () => string][] = [
  [/APNS(_PRIVATE)?_KEY$/, () => pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
  [/PRIVATE_KEY$/, () => pemOf(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey)],
  [/SERVICE_ACCOUNT$/, serviceAccount],
  [/ACCOUNT_SID$/, () => `AC${'0'.repeat(32)}`],
  [/URL$/, () => 'https://vendor.example'],
];

const made = new Map<string, string>();

/** By the name of the variable; any that needs no form stands for itself. */
export const STAND_INS: Readonly<Record<string, string>> = new Proxy<Record<string, string>>(
  {},
  { get: (_, name) => (typeof name === 'string' ? standInFor(name) : undefined) },
);

function standInFor(name: string): string {
  if (made.size === 0) makeVapidKeys();
  const value = made.get(name) ?? FORMS.find(([end]) => end.test(name))?.[1]() ?? name.toLowerCase();
  made.set(name, value);
  return value;
}

function makeVapidKeys(): void {
  const pair = createECDH('prime256v1');
  made.set('VAPID_PUBLIC_KEY', pair.generateKeys('base64url'));
  // Node leaves out zeros at its beginning.
  const key = Buffer.concat([Buffer.alloc(32), pair.getPrivateKey()]).subarray(-32);
  made.set('VAPID_PRIVATE_KEY', key.toString('base64url'));
}

function serviceAccount(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const account = { type: 'service_account', project_id: 'shop', client_email: 'carom@shop.example' };
  return JSON.stringify({ ...account, private_key: pemOf(privateKey) });
}

function pemOf(key: ReturnType<typeof generateKeyPairSync>['privateKey']): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}
