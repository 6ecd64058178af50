/** The circuits of providers that are not closed, shared by all nodes. The database's clock judges, so that nodes with different clocks agree. */
import type { AccountId, ProviderId } from '#domain/ids.ts';

/** Whose circuit it is. */
export interface CircuitOwner {
  accountId: AccountId;
  providerId: ProviderId;
}

/** A circuit that is not closed. */
export interface BrokenCircuit extends CircuitOwner {
  /** Another one with each change. */
  version: string;
  name: 'open' | 'half_open';
  openings: number;
  reason: string;
  /** How long it has not been closed, in ms. */
  sinceMs: number;
  /** How long it stays so; 0 or less: its time is up. */
  forMs: number;
}

/** The promises: of changes based on the same version one is made; what is made is seen by all. */
export interface CircuitStore {
  /** All of them. */
  broken(): Promise<BrokenCircuit[]>;
  /** Opens or changes one. False, and nothing done, when it is no longer `basedOn` (null: closed). */
  change(circuit: BrokenCircuit, basedOn: string | null): Promise<boolean>;
  /** Closes one. False, and nothing done, when it is no longer `basedOn`. */
  close(owner: CircuitOwner, basedOn: string): Promise<boolean>;
}
