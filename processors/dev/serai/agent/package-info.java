/**
 * The node agent: owns the TPM of its machine, enrols it, proves it to the issuer, and keeps the
 * identities that workloads of this machine may have.
 *
 * <p>What to do next is decided by a pure core ({@link dev.serai.agent.AgentLifecycle}); routes do
 * it. A failure is a state with a reason and a next try, never the end of the process. The package
 * knows the TPM by its interface only.
 */
package dev.serai.agent;
