import type { BlockContext } from '#dns/plugin.ts';
import type { Zone } from '#dns/zone.ts';

/** Tells the plugins of a block which zones have become others, by their serials. */
export class ZoneNews {
  readonly #block: Pick<BlockContext, 'plugins'>;
  readonly #known = new Map<string, { readonly zone: Zone; readonly serial: number }>();
  #started = false;

  constructor(block: Pick<BlockContext, 'plugins'>) {
    this.#block = block;
  }

  /** The zone as it is now. */
  set(zone: Zone, serial: number): void {
    if (this.#known.get(zone.key)?.serial === serial) return;
    this.#known.set(zone.key, { zone, serial });
    if (this.#started) this.#tell(zone);
  }

  /** All plugins are there: tells of all zones so far, since nobody knows what was before. */
  start(): void {
    this.#started = true;
    for (const { zone } of this.#known.values()) this.#tell(zone);
  }

  #tell(zone: Zone): void {
    for (const plugin of this.#block.plugins) plugin.zoneChanged?.(zone);
  }
}
