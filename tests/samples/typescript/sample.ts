/** A typed cache with expiry, a loader and pluggable storage. */
import type { Clock } from './clock';
import { systemClock, sleep } from './clock';
import * as codec from '../codec';
import Redis from 'ioredis';

export const SECOND = 1_000;
const DEFAULTS: Readonly<CacheOptions> = Object.freeze({ ttl: 60 * SECOND, size: 512 });

export type Key = string | number;
type Loader<V> = (key: Key) => Promise<V>;

export interface CacheOptions {
  ttl: number;
  size: number;
  readonly name?: string;
}

export interface Storage<V> {
  get(key: Key): Promise<Entry<V> | undefined>;
  set(key: Key, entry: Entry<V>): Promise<void>;
  readonly size: number;
}

interface Entry<V> {
  value: V;
  expires: number;
}

export enum Outcome {
  Hit = 'hit',
  Miss = 'miss',
  Expired = 'expired',
}

namespace Limits {
  export const largest = 10_000;

  export function clamp(size: number): number {
    return Math.min(size, largest);
  }
}

abstract class Base<V> {
  protected constructor(protected readonly clock: Clock) {}

  abstract load(key: Key): Promise<V>;

  protected fresh(entry: Entry<V>): boolean {
    return entry.expires > this.clock.now();
  }
}

export class MemoryStorage<V> implements Storage<V> {
  private readonly entries = new Map<Key, Entry<V>>();

  get size(): number {
    return this.entries.size;
  }

  async get(key: Key): Promise<Entry<V> | undefined> {
    return this.entries.get(key);
  }

  async set(key: Key, entry: Entry<V>): Promise<void> {
    this.entries.set(key, entry);
  }
}

@sealed
export class Cache<V extends object> extends Base<V> {
  private hits = 0;
  private readonly options: CacheOptions;

  constructor(
    private readonly loader: Loader<V>,
    private readonly storage: Storage<V> = new MemoryStorage<V>(),
    options: Partial<CacheOptions> = {},
    clock: Clock = systemClock,
  ) {
    super(clock);
    this.options = { ...DEFAULTS, ...options };
  }

  readonly describe = (): string => `${this.options.name ?? 'cache'}: ${this.hits} hits`;

  async load(key: Key): Promise<V>;
  async load(key: Key, force: boolean): Promise<V>;
  async load(key: Key, force = false): Promise<V> {
    const [outcome, entry] = await this.peek(key);
    if (!force && outcome === Outcome.Hit && entry) {
      this.hits += 1;
      return entry.value;
    }
    return this.refresh(key);
  }

  @measured('peek')
  private async peek(key: Key): Promise<[Outcome, Entry<V> | undefined]> {
    const entry = await this.storage.get(key);
    if (!entry) return [Outcome.Miss, undefined];
    return this.fresh(entry) ? [Outcome.Hit, entry] : [Outcome.Expired, entry];
  }

  private async refresh(key: Key): Promise<V> {
    const value = await this.loader(key);
    const expires = this.clock.now() + this.options.ttl;
    await this.storage.set(key, { value, expires });
    return value;
  }
}

function sealed(target: Function): void {
  Object.seal(target.prototype);
}

function measured(label: string) {
  return (_target: object, _key: string, descriptor: PropertyDescriptor) => {
    const inner = descriptor.value;
    descriptor.value = async function (...args: unknown[]) {
      const started = systemClock.now();
      const result = await inner.apply(this, args);
      console.debug(label, systemClock.now() - started);
      return result;
    };
  };
}

export async function warm<V extends object>(cache: Cache<V>, keys: Iterable<Key>): Promise<number> {
  let count = 0;
  for (const key of keys) {
    await cache.load(key);
    await sleep(10);
    count += 1;
  }
  return count;
}

export const encodeKey = (key: Key): string => codec.encode(String(key));

export default function connect(url: string): Redis {
  return new Redis(url, { lazyConnect: true });
}
