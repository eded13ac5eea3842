package dev.serai.appraisal;

/** The bean {@code nodeBans}: bans TPMs from enrolment, for roles of the registrar's process. */
public interface EnrolmentBans {

  /** By the EK's Name in hex. False when no node ever came with it. */
  boolean ban(String ekName);

  /** False when it was not banned. */
  boolean unban(String ekName);
}
