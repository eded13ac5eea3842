/**
 * The dashboard: one page for people who would rather look, and the JSON it reads. Read-only. Knows
 * no capability; roles show themselves through {@link dev.serai.role.RoleView}.
 *
 * <p>All below {@code /dashboard/api/}, with the console's login, GET only:
 *
 * <ul>
 *   <li>{@code overview}: the next five in one document, {@code process} and {@code flows} included
 *   <li>{@code nodes}: {@code total}, {@code byState}, {@code list} (at most 500, those in trouble
 *       first) of {@code id, spiffeId, state, reasons, attestedBy, lastVerdictAt, svidNotAfter,
 *       lookAt, breaker}
 *   <li>{@code timeline?limit=}: events, the latest first, of {@code number, at, kind, source,
 *       subject, outcome, reasons, traceId}; at most 1,000
 *   <li>{@code breakers}: {@code name, state, trouble}, those that are not closed first
 *   <li>{@code documents}: certificates by their end, of {@code kind, id, notBefore, notAfter,
 *       standing}; standing is GOOD, LATE (should have been replaced) or ENDED
 *   <li>{@code flows?limit=&refused=true}: flows, the latest first, of {@code traceId, entryRoute,
 *       routes, startedAt, tookMicros, running, steps, refusedWith}
 *   <li>{@code flows/<trace id>}: one flow with its steps, of {@code route, step, kind,
 *       startMicros, tookMicros, refusedWith}; in the order in which they began
 * </ul>
 *
 * <p>A reason has {@code code, detail, remedy}. What a role does not answer in time is its last
 * answer, with {@code ageSeconds} and {@code stale: true}.
 */
package dev.serai.dashboard;
