/** Words that belong to one place, or to none. */
import { fault, parse, productFiles, type Rule, type SourceFile } from './source.ts';

/** A vendor's own words and the only files of the product that may know them (comments may explain them anywhere). */
const VENDOR_WORDS: { vendor: string; words: string[]; files: RegExp }[] = [
  {
    vendor: 'webengage',
    words: ['overrideData', 'trackConfig', 'licenseCode', 'experimentId'],
    files: /^src\/http\/dialects\/webengage[^/]*\.ts$/,
  },
  {
    vendor: 'webengage-gateway',
    words: ['smsData', 'whatsAppData', 'rcsData'],
    files: /^src\/(providers|http\/dialects)\/webengage-gateway[^/]*\.ts$/,
  },
  { vendor: 'xtremepush', words: ['apptoken'], files: /^src\/http\/dialects\/xtremepush[^/]*\.ts$/ },
  {
    vendor: 'connectly',
    words: ['businessId'],
    files: /^src\/http\/dialects\/connectly[^/]*\.ts$/,
  },
  {
    vendor: 'altcraft',
    words: ['trigger_id'],
    files: /^src\/http\/dialects\/altcraft[^/]*\.ts$/,
  },
  { vendor: 'twilio', words: ['MessageSid', 'MessageStatus'], files: /^src\/providers\/twilio[^/]*\.ts$/ },
  { vendor: 'vonage', words: ['message_uuid'], files: /^src\/providers\/vonage[^/]*\.ts$/ },
  { vendor: 'whatsapp-cloud', words: ['messaging_product'], files: /^src\/providers\/whatsapp-cloud[^/]*\.ts$/ },
  { vendor: 'ses', words: ['bounceSubType', 'FromEmailAddress'], files: /^src\/providers\/ses[^/]*\.ts$/ },
  { vendor: 'sns', words: ['SubscribeURL', 'SigningCertURL'], files: /^src\/providers\/sns[^/]*\.ts$/ },
  {
    vendor: 'sendgrid',
    words: ['personalizations', 'custom_args'],
    files: /^src\/providers\/sendgrid[^/]*\.ts$/,
  },
  { vendor: 'fcm', words: ['UNREGISTERED', 'SENDER_ID_MISMATCH'], files: /^src\/providers\/fcm[^/]*\.ts$/ },
  { vendor: 'apns', words: ['BadDeviceToken', 'ExpiredProviderToken'], files: /^src\/providers\/apns[^/]*\.ts$/ },
  { vendor: 'smpp', words: ['submit_sm', 'deliver_sm'], files: /^src\/providers\/smpp[^/]*\.ts$/ },
];

export const vendorWordsHaveOneHome: Rule = (files) =>
  productFiles(files).flatMap((file) => {
    const code = withoutComments(file);
    return VENDOR_WORDS.filter((entry) => !entry.files.test(file.path)).flatMap(({ vendor, words }) =>
      [...code.matchAll(new RegExp(`\\b(${words.join('|')})\\b`, 'g'))].map((found) =>
        fault(
          file,
          found.index,
          `says ${found[0]}, a word of ${vendor}; only the file that speaks ${vendor} may, everyone else uses our own word`,
        ),
      ),
    );
  });

function withoutComments(file: SourceFile): string {
  let text = file.text;
  for (const { start, end } of parse(file).comments)
    text = text.slice(0, start) + ' '.repeat(end - start) + text.slice(end);
  return text;
}

/** A folder of somebody's machine: below a home, or the usual working directory of a container. */
const MACHINE_PATH = /(?<![\w.:/~-])\/(?:work|home|Users)\/[\w.-]+/g;

export const noPathsOfOneMachine: Rule = (files) =>
  files.flatMap((file) =>
    [...file.text.matchAll(MACHINE_PATH)].map((found) =>
      fault(file, found.index, `names ${found[0]}, a folder of one machine; write it relative to the repository`),
    ),
  );
