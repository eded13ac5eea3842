package dev.serai.agent;

import dev.serai.reason.Reason;
import dev.serai.role.RoleContext;

/** Placeholder until the workload package is there. */
final class WorkloadOutlet implements IdentityPublisher.Outlet {
  static IdentityPublisher.Outlet bind(RoleContext context) {
    return new WorkloadOutlet();
  }

  @Override
  public void serve(WorkloadSvids.Holdings holdings) {}

  @Override
  public void waiting(Reason reason) {}

  @Override
  public void denied(Reason reason) {}
}
