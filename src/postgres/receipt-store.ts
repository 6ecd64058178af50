/** Provider references, parked receipts and the sandbox's promises in PostgreSQL: which bucket, which batch. */
import { bucketOf, hash16, hash16OfId } from '#domain/ids.ts';
import type { MessageId } from '#domain/ids.ts';
import type { KeptReceipt, ParkedReceipt, PromisedReceipt, ReceiptStore } from '#ports/receipt-store.ts';
import { inTurnAcrossBuckets } from './across-buckets.ts';
import type { Database } from './connection.ts';
import { storableText } from './document.ts';
import { addRefs, findRefs, pruneRefs, refKey } from './message-refs.ts';
import type { NamedMessage, Ref } from './message-refs.ts';
import { forgetParked, parkReceipts, pruneParked, takeMatched } from './parked-receipts.ts';
import { perBucket } from './per-bucket.ts';
import { claimPromised, forgetPromised, storePromised } from './promised-receipts.ts';

/** Rows that one statement prunes. */
const PRUNE_PAGE = 1_000;

/** The store on an open database. */
export function receiptStore(database: Database): ReceiptStore {
  const bucketOfRef = ({ accountId, providerId, ref }: Ref) =>
    bucketOf(hash16(accountId, providerId, ref), database.buckets);
  const bucketOfMessage = (id: MessageId) => bucketOf(hash16OfId(id), database.buckets);
  const addRef = perBucket({
    key: refKey,
    run: (bucket, batch: NamedMessage[]) => addRefs(database, bucket, batch),
  });
  const findByRef = perBucket({ run: (bucket, wanted: Ref[]) => findRefs(database, bucket, wanted) });
  const park = perBucket({ run: (bucket, batch: ParkedReceipt[]) => parkReceipts(database, bucket, batch) });
  const forgetKept = perBucket({ run: (bucket, batch: KeptReceipt[]) => forgetParked(database, bucket, batch) });
  const promise = perBucket({ run: (bucket, batch: PromisedReceipt[]) => storePromised(database, bucket, batch) });
  const forget = perBucket({ run: (bucket, batch: PromisedReceipt[]) => forgetPromised(database, bucket, batch) });
  const forMatches = inTurnAcrossBuckets(database);
  const forPromises = inTurnAcrossBuckets(database);

  return {
    addRef: (accountId, providerId, ref, messageId, at) => {
      const item = { accountId, providerId, ref: storableText(ref), messageId, at };
      return addRef(bucketOfRef(item), item);
    },
    findByRef: (accountId, providerId, ref) => {
      const wanted = { accountId, providerId, ref: storableText(ref) };
      return findByRef(bucketOfRef(wanted), wanted);
    },
    park: ({ ref, reason, ...rest }) => {
      const receipt = { ...rest, ref: storableText(ref), reason: reason && storableText(reason) };
      return park(bucketOfRef(receipt), receipt);
    },
    takeMatched: (now, limit) => forMatches(limit, (bucket, rest) => takeMatched(database, bucket, now, rest)),
    forgetParked: (receipt) => forgetKept(bucketOfRef(receipt), receipt),
    promise: (receipt) => promise(bucketOfMessage(receipt.messageId), receipt),
    claimPromised: (now, limit, claimMs) =>
      forPromises(limit, (bucket, rest) => claimPromised(database, bucket, now, now + claimMs, rest)),
    kept: (receipt) => forget(bucketOfMessage(receipt.messageId), receipt),
    prune: async (before) => {
      for (let bucket = 0; bucket < database.buckets; bucket++) {
        while ((await pruneRefs(database, bucket, before, PRUNE_PAGE)) === PRUNE_PAGE);
        while ((await pruneParked(database, bucket, before, PRUNE_PAGE)) === PRUNE_PAGE);
      }
    },
  };
}
