package dev.serai.enrolment;

import dev.serai.appraisal.NodeRecord;

/** What other roles are told of a node. */
final class NodeRecords {
  private NodeRecords() {}

  static NodeRecord of(EnrolledNode node) {
    NodeRecord.Standing standing =
        node.banned()
            ? NodeRecord.Standing.BANNED
            : node.active() ? NodeRecord.Standing.ACTIVATED : NodeRecord.Standing.REGISTERED;
    return new NodeRecord(
        node.id().text(),
        node.ek(),
        node.ak(),
        standing,
        node.contact().ip().orElse(""),
        node.contact().port().orElse(0),
        node.contact().mtlsCertificate());
  }
}
