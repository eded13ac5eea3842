package dev.serai.watching;

import dev.serai.appraisal.NodeRecord;
import dev.serai.tpm.wire.PcrSelection;

/**
 * One question to one agent; the body on its way through route {@code fetch-quote}.
 *
 * @param nonce letters and digits, as Keylime's agents want it
 * @param selection of one bank
 */
record QuoteRequest(NodeRecord node, String nonce, PcrSelection selection) {}
