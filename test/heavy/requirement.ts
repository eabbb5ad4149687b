/**
 * What a suite needs of the machine. Where it is missing the suite is skipped and its name says why; with
 * AGENTCOL_REQUIRE_ALL=1 it is run, and so fails.
 */
export function requirement(what: string, present: boolean): { readonly met: boolean; readonly reason: string } {
  const met = present || process.env.AGENTCOL_REQUIRE_ALL === '1';
  return { met, reason: met ? '' : ` (skipped: needs ${what})` };
}
