/** The settings of a provider of type `ses` (docs/providers/ses.md). */
import type { JsonObject } from '#domain/request.ts';
import { readFrom } from './mail-parties.ts';
import type { SesEnvelope } from './ses-message.ts';
import {
  SettingsFault,
  assertKeys,
  readBaseUrl,
  readCredential,
  readDurationMs,
  readInteger,
  readNeeded,
  readText,
} from './settings.ts';

/** For a whole call. */
const TIMEOUT = { min: 1_000, max: 120_000, default: 10_000 };
/** Calls under way at once, each on a connection of its own. */
const CONCURRENCY = { min: 1, max: 1_024, default: 128 };

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
  'baseUrl',
  'timeout',
  'concurrency',
] as const;

/** The settings, read. */
export interface SesPlan {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | null;
  envelope: SesEnvelope;
  topics: string[];
  baseUrl: string;
  timeoutMs: number;
  concurrency: number;
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
    baseUrl: readBaseUrl(settings, 'baseUrl', '', `https://email.${region}.amazonaws.com`),
    timeoutMs: readDurationMs(settings, 'timeout', '', TIMEOUT),
    concurrency: readInteger(settings, 'concurrency', '', CONCURRENCY),
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
