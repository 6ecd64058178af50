import Type from 'typebox';
import { CHANNELS } from '#domain/campaign.ts';
import { SUBSCRIPTIONS_MAX } from '#domain/subscription.ts';

/** The channels a user can be asked about. */
export const CONSENTS = ['sms', 'email', 'whatsapp', 'push', 'web_push', 'rcs', 'voice'] as const;

const text = Type.Union([Type.String({ maxLength: 1_000 }), Type.Null()]);

/** The fields of a profile in our API's bodies. */
export const ProfileFieldsSchema = Type.Object(
  {
    firstName: Type.Optional(text),
    lastName: Type.Optional(text),
    birthDate: Type.Optional(text),
    gender: Type.Optional(text),
    email: Type.Optional(text),
    phone: Type.Optional(text),
    locale: Type.Optional(text),
    timeZone: Type.Optional(text),
    internalId: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 100 }), Type.Integer(), Type.Null()])),
    attributes: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    devices: Type.Optional(
      Type.Array(
        Type.Object(
          {
            channel: Type.Enum(['push', 'web_push']),
            token: Type.Optional(Type.String()),
            subscription: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
            platform: Type.Optional(Type.String()),
          },
          { additionalProperties: false },
        ),
        { maxItems: 50 },
      ),
    ),
    subscriptions: Type.Optional(
      Type.Array(
        Type.Object(
          {
            channel: Type.Enum([...CHANNELS]),
            value: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
            provider: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
            subscriptionId: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
            custom: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
          },
          { additionalProperties: false },
        ),
        { maxItems: SUBSCRIPTIONS_MAX },
      ),
    ),
    // Any of them: Type.Record would require them all.
    consents: Type.Optional(
      Type.Object(Object.fromEntries(CONSENTS.map((channel) => [channel, Type.Optional(Type.Boolean())])), {
        additionalProperties: false,
      }),
    ),
  },
  { additionalProperties: false },
);
