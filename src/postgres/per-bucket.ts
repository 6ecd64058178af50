import { groupCommit } from './group-commit.ts';
import type { GroupCommitOptions } from './group-commit.ts';

/** A group commit for each bucket, made when the bucket is first used: batches never span buckets. */
export function perBucket<Item, Result>(
  options: Omit<GroupCommitOptions<Item, Result>, 'run'> & { run(bucket: number, items: Item[]): Promise<Result[]> },
): (bucket: number, item: Item) => Promise<Result> {
  const commits: ((item: Item) => Promise<Result>)[] = [];
  return (bucket, item) => {
    const commit = (commits[bucket] ??= groupCommit({ ...options, run: (items) => options.run(bucket, items) }));
    return commit(item);
  };
}
