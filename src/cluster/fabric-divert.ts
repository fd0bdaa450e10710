import type { FamilyPlan } from './plan-addresses.ts';

/** not yet */
export function divertToGateway(_netns: number, _families: readonly FamilyPlan[], _port: number): void {}
