/** The settings of a provider of type `ses` (docs/providers/ses.md). */
import type { JsonObject } from '#domain/request.ts';
import { CALL_KEYS, readCallSettings } from './call-settings.ts';
import type { CallSettings } from './call-settings.ts';
import { readFrom } from './mail-parties.ts';
import type { SesEnvelope } from './ses-message.ts';
import { SettingsFault, assertKeys, readCredential, readNeeded, readText } from './settings.ts';

const REGION = /^[a-z]{2,3}(-[a-z]+){1,2}-\d{1,2}$/;
const TOPIC_ARN = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+(\.fifo)?$/;
const SETTINGS = [
  'region',
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'from',
  'fromArn',
  'configurationSet',
  'topicArn',
  ...CALL_KEYS,
] as const;

/** The settings, read. */
export interface SesPlan extends CallSettings {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | null;
  envelope: SesEnvelope;
  topics: string[];
}

/** @throws {SettingsFault} */
export function readSesSettings(settings: JsonObject): SesPlan {
  assertKeys(settings, SETTINGS, '');
  const region = readNeeded(settings, 'region', '', 'the AWS region that you send from, such as eu-west-1');
  if (!REGION.test(region)) throw new SettingsFault('region', `"${region}" is not an AWS region such as eu-west-1`);
  const hasToken = settings['sessionToken'] !== undefined;
  return {
    region,
    accessKeyId: readCredential(settings, 'accessKeyId', '', 'of an IAM user that may do ses:SendEmail'),
    secretAccessKey: readCredential(settings, 'secretAccessKey', '', 'the secret of that access key'),
    sessionToken: hasToken ? readCredential(settings, 'sessionToken', '', 'of temporary credentials') : null,
    envelope: {
      from: readFrom(settings),
      fromArn: readText(settings, 'fromArn', ''),
      configurationSet: readText(settings, 'configurationSet', ''),
    },
    topics: readTopics(settings),
    ...readCallSettings(settings, `https://email.${region}.amazonaws.com`),
  };
}

/** One ARN, or a list of them. */
function readTopics({ topicArn = [] }: JsonObject): string[] {
  const topics = Array.isArray(topicArn) ? topicArn : [topicArn];
  const wrong = topics.find((topic) => typeof topic !== 'string' || !TOPIC_ARN.test(topic));
  if (wrong !== undefined)
    throw new SettingsFault(
      'topicArn',
      `${JSON.stringify(wrong)} is not the ARN of a topic such as arn:aws:sns:eu-west-1:123456789012:mail`,
    );
  return topics as string[];
}
