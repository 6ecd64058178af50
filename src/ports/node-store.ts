/** Which nodes are alive. The database's clock judges, so that nodes with different clocks agree. */
import type { NodeId } from '#domain/ids.ts';

/** The promises: an id is never given twice; a node that beats is not dead. */
export interface NodeStore {
  /** Registers this start of this process. */
  join(name: string): Promise<NodeId>;
  /** Says that the node lives. False when it has been declared dead and removed meanwhile. */
  beat(node: NodeId): Promise<boolean>;
  /** The nodes that have not beaten for so long. */
  dead(silentMs: number): Promise<NodeId[]>;
  /** Forgets a node: its leases have been taken over, or it left of its own will. */
  leave(node: NodeId): Promise<void>;
}
