package dev.serai.watching;

import dev.serai.appraisal.StateReport;

/**
 * A report that the issuer has not confirmed; the body on its way to route {@code deliver-report}.
 *
 * @param number of the report in its node's row
 */
public record PendingReport(long number, StateReport report) {}
