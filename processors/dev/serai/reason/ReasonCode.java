package dev.serai.reason;

/**
 * Every reason for which Serai refuses or waits. The name is the stable code; it appears in
 * answers, logs, metrics and the command line and never changes its meaning.
 */
public enum ReasonCode {
  // Requests
  MALFORMED_REQUEST(
      Kind.MALFORMED,
      "The request is not what its protocol says",
      "a client of another version, or noise",
      "compare the request with the protocol; the detail names the field"),
  REQUEST_TOO_LARGE(
      Kind.TOO_LARGE,
      "The request is larger than allowed",
      "a log that grew, or an attack",
      "send less; limits are in the configuration table"),
  UNKNOWN_OPERATION(
      Kind.UNIMPLEMENTED,
      "No such operation",
      "a client of another version",
      "check the version of the client"),
  CALLER_NOT_AUTHENTICATED(
      Kind.UNAUTHENTICATED,
      "The caller showed no identity",
      "no client certificate",
      "connect with the certificate of the role or node"),
  CALLER_NOT_ALLOWED(
      Kind.DENIED,
      "The caller may not do this",
      "an operation of another role",
      "use the admin socket or the right identity"),
  RATE_LIMITED(
      Kind.OVERLOADED,
      "Too many requests",
      "a loop without back-off, or an attack",
      "wait and try again with back-off"),
  OVERLOADED(
      Kind.UNAVAILABLE,
      "Too much is in flight",
      "more load than this machine carries",
      "wait and try again with back-off"),
  DEADLINE_EXCEEDED(
      Kind.DEADLINE,
      "No answer in time",
      "a slow peer, TPM or disk",
      "see the health of the route named in the detail"),
  NOT_RUNNING(
      Kind.UNAVAILABLE,
      "This part of Serai is not running",
      "it is starting or stopping, or its route was stopped",
      "see serai health; try again with back-off"),
  INTERNAL_ERROR(
      Kind.INTERNAL,
      "Something went wrong on our side",
      "a fault in Serai or below it",
      "look for the trace id in the log and report it"),
  DATABASE_UNAVAILABLE(
      Kind.UNAVAILABLE,
      "The database does not answer",
      "disk full, locked or not started",
      "check the disk and the database; Serai goes on by itself"),
  SCHEMA_TOO_NEW(
      Kind.INTERNAL,
      "The database was written by a later version",
      "an older Serai was started on it",
      "start the version that wrote it, or restore a backup that this version made"),
  STATE_DIRECTORY_IN_USE(
      Kind.CONFLICT,
      "Another process holds the state directory",
      "a Serai that still runs or stops, or a restore under way",
      "stop it first; the detail names the directory"),
  AUDIT_UNAVAILABLE(
      Kind.UNAVAILABLE,
      "The audit log cannot be written or read",
      "disk full, database locked, or no log here",
      "check the disk; nothing is issued until it can be written again"),
  AUDIT_CHAIN_BROKEN(
      Kind.INTERNAL,
      "The audit log was changed",
      "a record was edited, removed or replaced",
      "keep the files as evidence; compare with the last export or backup"),
  AUDIT_TRUNCATED(
      Kind.INTERNAL,
      "Audit records are missing at the end or the beginning",
      "an older database was put back, or records were removed",
      "keep the files as evidence; compare with the last export or backup"),
  BACKUP_INVALID(
      Kind.MALFORMED,
      "The backup cannot be used",
      "cut or changed on the way, or the wrong key or passphrase",
      "see the detail; try another copy"),
  STATE_NOT_EMPTY(
      Kind.CONFLICT,
      "There is state already",
      "a restore over a directory that is in use or was",
      "make a backup of it, then use --force"),
  BANS_UNREADABLE(
      Kind.CONFLICT,
      "The bans of the state to be replaced cannot be carried over",
      "its database is damaged or missing, or the backup has none",
      "restore into another directory, or use --lose-bans and ban again what has to stay out"),
  PEER_NOT_TRUSTED(
      Kind.UNAVAILABLE,
      "Another role is not who it should be, or does not trust us",
      "a certificate of another trust domain or that ran out, or another process at its address",
      "check the configured address, the clocks and the trust bundle of both"),
  PEER_UNAVAILABLE(
      Kind.UNAVAILABLE,
      "Another role does not answer",
      "it is not started or the network is cut",
      "see the health of that role; Serai tries again by itself"),
  CLOCKS_DIFFER(
      Kind.UNAVAILABLE,
      "The clocks of two machines differ",
      "by the clock here a certificate of the other side begins in the future",
      "set both clocks by NTP; Serai tries again by itself"),
  STARTING(
      Kind.UNAVAILABLE,
      "The process is starting",
      "it was started a moment ago",
      "wait a few seconds"),
  ROUTE_STOPPED(
      Kind.UNAVAILABLE,
      "A route does not run",
      "its port is taken or its endpoint cannot be opened",
      "see the detail; it is tried again by itself"),
  ROUTE_MISSING(
      Kind.UNAVAILABLE,
      "A route that ought to be there is not",
      "a reload was refused and what was there before could not be put back",
      "mend what the detail names; it is tried again by itself, or use serai reload"),

  // Enrolment
  NODE_ID_INVALID(
      Kind.MALFORMED,
      "The node id is not valid",
      "characters outside [A-Za-z0-9_.-] or over 80",
      "choose another node id"),
  EK_MISSING(
      Kind.MALFORMED,
      "No endorsement key was sent",
      "an agent without EK access",
      "send ek_tpm and ekcert"),
  EK_CERTIFICATE_MISMATCH(
      Kind.MALFORMED,
      "The EK certificate is for another key",
      "certificate and key from different TPMs",
      "send the certificate of this TPM's EK"),
  EK_NOT_TRUSTED(
      Kind.DENIED,
      "The endorsement key is not trusted",
      "its certificate leads to no configured authority and its Name is not on the allow list",
      "add the vendor's CA to serai.registrar.ek-trust-dir or the EK Name to"
          + " serai.registrar.ek-allow-list"),
  EK_NOT_SUPPORTED(
      Kind.MALFORMED,
      "The endorsement key is of an unknown kind",
      "neither RSA nor ECC as in the TCG templates",
      "use an EK of the TCG templates"),
  AK_MISSING(
      Kind.MALFORMED, "No attestation key was sent", "an incomplete request", "send aik_tpm"),
  AK_ATTRIBUTES_WRONG(
      Kind.DENIED,
      "The attestation key is not a restricted signing key of a TPM",
      "an AK that could sign a forged statement",
      "create the AK restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin, not decrypt"),
  NODE_TPM_CHANGED(
      Kind.DENIED,
      "This node id belongs to another TPM",
      "a replaced mainboard, or an attempt to take over the id",
      "an administrator deletes the old record first"),
  EK_HAS_OTHER_NODE(
      Kind.DENIED,
      "This TPM is enrolled under another node id",
      "a changed node id",
      "keep the first node id, or an administrator deletes the old record"),
  ACTIVATION_FAILED(
      Kind.MALFORMED,
      "The proof of activation is wrong",
      "AK and EK are not in the same TPM",
      "enrol again from the machine that holds the TPM"),
  NODE_UNKNOWN(
      Kind.NOT_FOUND, "No such node", "not enrolled yet, or deleted", "let the agent enrol first"),
  NODE_NOT_ACTIVATED(
      Kind.DENIED,
      "The node has not proven that its AK is in its TPM",
      "enrolment stopped half way",
      "the agent enrols again by itself"),
  NODE_BANNED(
      Kind.DENIED,
      "The node is banned",
      "an administrator banned its TPM",
      "serai node unban, if it is to come back"),

  // Evidence
  EVIDENCE_MALFORMED(
      Kind.DENIED,
      "The evidence is not well-formed",
      "bytes lost or changed on the way, or an attack",
      "see the detail; attest again"),
  EVIDENCE_MISSING(
      Kind.DENIED,
      "A demanded piece of evidence is missing",
      "an agent of another version or a stub",
      "run a Serai agent of this version"),
  NONCE_MISSING(
      Kind.DENIED,
      "The evidence names no challenge",
      "evidence made without asking",
      "attest again"),
  NONCE_UNKNOWN(
      Kind.DENIED,
      "The challenge was never issued here",
      "evidence made for somebody else",
      "attest again"),
  NONCE_USED(Kind.DENIED, "The challenge was used before", "a replay", "attest again"),
  NONCE_EXPIRED(
      Kind.DENIED,
      "The answer came too late",
      "a slow TPM or network, or a replay",
      "attest again; see serai.issuer.challenge-ttl"),
  NONCE_FOREIGN(
      Kind.DENIED,
      "The challenge belongs to another stream",
      "a replay across connections",
      "attest again on one stream"),
  NONCE_MISMATCH(
      Kind.DENIED,
      "The TPM's statement answers another challenge",
      "a replayed quote or certify",
      "attest again"),
  AK_MISMATCH(
      Kind.DENIED,
      "Signed by another key than this node's AK",
      "evidence of another node",
      "check the node id; enrol again"),
  SIGNATURE_INVALID(
      Kind.DENIED, "The signature is not valid", "bytes changed after signing", "attest again"),
  NOT_A_QUOTE(
      Kind.DENIED,
      "The statement is not a quote of a TPM",
      "another structure in its place",
      "send TPM2_Quote output"),
  NOT_A_CERTIFY(
      Kind.DENIED,
      "The statement is not a certify of a TPM",
      "another structure in its place",
      "send TPM2_Certify output"),
  CERTIFIED_OTHER_KEY(
      Kind.DENIED,
      "Another key was certified",
      "App Key and certify do not belong together",
      "certify the App Key that signs the CSR"),
  APP_KEY_ATTRIBUTES_WRONG(
      Kind.DENIED,
      "The App Key is not a sign-only key that cannot leave its TPM",
      "an exportable or decrypting key",
      "create it fixedTPM, fixedParent, sensitiveDataOrigin, sign only"),
  CSR_MALFORMED(
      Kind.DENIED,
      "The CSR cannot be read",
      "bytes lost or changed",
      "send a PKCS#10 request in DER"),
  CSR_SIGNATURE_INVALID(
      Kind.DENIED,
      "The CSR is not signed by its own key",
      "no proof of possession",
      "sign the CSR with the App Key"),
  CSR_OTHER_KEY(
      Kind.DENIED,
      "The CSR is for another key than the App Key",
      "keys mixed up",
      "request with the certified App Key"),
  PCR_SELECTION_MISMATCH(
      Kind.DENIED,
      "The quote covers other PCRs than asked",
      "an inactive bank, or an attempt to hide a PCR",
      "activate the bank in the firmware"),
  PCR_DIGEST_MISMATCH(
      Kind.DENIED,
      "The PCR values do not belong to the quote",
      "values changed after the quote",
      "attest again"),
  PCR_VALUE_NOT_ALLOWED(
      Kind.DENIED,
      "A PCR holds a value that the policy does not allow",
      "changed firmware, boot loader, configuration or kernel",
      "compare with serai node show; update the policy if the change was meant"),
  PCR_NOT_QUOTED(
      Kind.DENIED,
      "The policy wants a PCR that was not quoted",
      "policy changed since the challenge",
      "attest again"),
  POLICY_MISSING(
      Kind.DENIED,
      "There is no policy for this node",
      "none configured",
      "set serai.verifier.policy"),
  CLOCK_WENT_BACK(
      Kind.DENIED,
      "The TPM's clock or counters went back",
      "a cloned or cleared TPM, or power loss without a counted reset",
      "see serai node show; re-enrol if the TPM was cleared"),
  CLOCK_NOT_SAFE(
      Kind.DENIED,
      "The TPM's clock is not safe",
      "power was lost without shutdown",
      "wait until the TPM's clock is safe again, or allow it in the policy"),
  NODE_REBOOTED(
      Kind.DENIED,
      "The node was rebooted since its last attestation",
      "a reboot",
      "the agent attests again by itself"),
  AGENT_UNREACHABLE(
      Kind.UNAVAILABLE,
      "The node's agent did not answer the verifier",
      "down, cut off, or the breaker is open",
      "see serai node show; tried again by itself"),

  // Location
  LOCATION_OFF(
      Kind.DENIED,
      "This agent tells no location",
      "no sensor is configured",
      "set serai.agent.location.sensors on the node"),
  LOCATION_SENSOR_MISSING(
      Kind.NOT_FOUND,
      "No location sensor is there",
      "unplugged, or its service does not run",
      "see the detail; plug it in or start gpsd or ModemManager"),
  LOCATION_SENSOR_INVALID(
      Kind.PRECONDITION,
      "What the location sensor says cannot be used",
      "noise on the line, another program's output, or a file that others may write",
      "see the detail; mend the sensor or the file"),
  LOCATION_NO_FIX(
      Kind.UNAVAILABLE,
      "The location sensor has no fix",
      "no view of the sky, or just switched on",
      "wait, or move the antenna"),
  LOCATION_STALE(
      Kind.DENIED,
      "The location is too old",
      "a sensor that has stopped, or a clock that is wrong",
      "see the age in the detail; look at the sensor and at the clock"),
  LOCATION_MALFORMED(
      Kind.DENIED,
      "The location is not a canonical document",
      "bytes changed on the way, or an agent of another version",
      "run a Serai agent of this version"),
  LOCATION_NOT_BOUND(
      Kind.DENIED,
      "The TPM did not sign this location",
      "a location changed or added after the certify, or a replayed certify",
      "attest again; if it stays, look who changes messages of this node"),

  // Delegated certification and the plugin socket
  APP_KEY_MISMATCH(
      Kind.DENIED,
      "The public key is not this agent's App Key",
      "a key of another machine, or of before the TPM was cleared",
      "ask /get-app-key again"),
  SIGNING_NOT_TYPED(
      Kind.DENIED,
      "The App Key does not sign this",
      "neither a certification request for the App Key nor a TLS 1.3 client's CertificateVerify",
      "send the content instead of its digest; README names what is signed"),

  // Claims
  CLAIMS_MALFORMED(
      Kind.MALFORMED,
      "The claims in a certificate cannot be read",
      "an issuer of another version, or a certificate of somebody else",
      "see the detail; renew the SVID"),

  // Location policy
  LOCATION_MISSING(
      Kind.DENIED,
      "The policy needs a location, and there is none",
      "no sensor, one that was unplugged, or serai.issuer.challenge-location is off",
      "look at the sensor of the node; serai.issuer.challenge-location=true at the issuer"),
  LOCATION_FORBIDDEN(
      Kind.DENIED,
      "The policy does not want to know where this node is",
      "an agent that tells its location unasked",
      "switch its sensors off, or change the node's group in the policy"),
  LOCATION_OUTSIDE(
      Kind.DENIED,
      "The node is in none of the regions that the policy allows",
      "the machine was moved, or the accuracy is worse than the way to the border",
      "bring it back, or change the regions; border and hysteresis-metres are in the policy"),
  LOCATION_INACCURATE(
      Kind.DENIED,
      "The location is known less well than the policy wants",
      "a receiver without a clear sky, or a sensor that says a whole city",
      "see both accuracies in the detail; mend the aerial, or raise max-accuracy-metres"),
  LOCATION_ASSURANCE_LOW(
      Kind.DENIED,
      "The location is not known well enough for the policy",
      "a sensor that nobody confirms",
      "a GNSS receiver, the operator check, or another minimum-assurance"),
  LOCATION_IMPOSSIBLE_TRAVEL(
      Kind.DENIED,
      "Node or sensor cannot have come so far in that time",
      "a forged or mixed-up location",
      "find out where machine and sensor are; it passes once the time would have been enough"),
  LOCATION_EXPIRED(
      Kind.DENIED,
      "The node's location was not proven again in time",
      "the agent could not attest, or its sensor is silent",
      "see the agent's health; it attests again by itself"),
  SENSOR_NOT_ALLOWED(
      Kind.DENIED,
      "The policy does not list this sensor",
      "another sensor than the one foreseen",
      "plug the right one in, or add it to sensors in the policy"),
  SENSOR_IN_USE(
      Kind.DENIED,
      "Another node has this sensor now",
      "a copied identity of a sensor, or one that was just moved",
      "if it was moved: wait until the other node's location has run out (max-age), or evict it"),

  // Identity
  NODE_NOT_ATTESTED(
      Kind.DENIED,
      "The node is not attested",
      "evicted, never attested or its record is gone",
      "the agent attests again by itself"),
  NODE_NOT_ACTIVE(
      Kind.DENIED,
      "The certificate is not the node's current one",
      "an older copy of the agent's state",
      "the agent attests again by itself"),
  NODE_EXPIRED(
      Kind.DENIED,
      "The node's certificate has expired",
      "the node was away too long",
      "the agent attests again by itself"),
  NODE_UNTRUSTED(
      Kind.DENIED,
      "The verifier rejected the node",
      "see its reasons",
      "serai node show names them"),
  NODE_MUST_REATTEST(
      Kind.DENIED,
      "This node renews by attesting, not by renewal",
      "RenewAgent from a node with a TPM",
      "attest again"),
  JOIN_TOKEN_UNKNOWN(
      Kind.MALFORMED,
      "The join token does not exist or was used before",
      "a used or mistyped token",
      "serai token create"),
  JOIN_TOKEN_EXPIRED(
      Kind.MALFORMED, "The join token has expired", "it waited too long", "serai token create"),
  ROLE_KEY_UNKNOWN(
      Kind.DENIED,
      "No role process with this key is known",
      "evicted, an older copy of its state, or an issuer restored from an older backup",
      "serai token create, and put the token where serai.role.join-token-file says"),
  ROLE_PROOF_INVALID(
      Kind.DENIED,
      "The role process did not sign what it was asked to",
      "a forged or replayed answer",
      "look who answers from that address"),
  ROLE_ENTRY_MISSING(
      Kind.DENIED,
      "The agent is not the process of a role",
      "its entry /serai/<role> is gone, or it never had one",
      "serai token create --spiffe-id for the role"),
  ROLE_AWAY_TOO_LONG(
      Kind.DENIED,
      "The role process was away for longer than it may",
      "its last certificate ended more than serai.issuer.role-grace ago",
      "serai token create, or set the issuer's clock"),
  ATTESTOR_UNKNOWN(
      Kind.PRECONDITION,
      "No such node attestor",
      "an agent with another attestor",
      "use unified_identity or join_token"),
  ENTRY_UNKNOWN(
      Kind.NOT_FOUND,
      "Entry not found or not authorized",
      "deleted, or of another node",
      "serai entry list"),
  ENTRY_INVALID(
      Kind.MALFORMED,
      "The registration entry is not valid",
      "see the detail",
      "mend the field named in the detail"),
  ENTRY_EXISTS(
      Kind.CONFLICT, "A similar entry already exists", "created before", "serai entry show"),
  AUTHORITY_UNAVAILABLE(
      Kind.UNAVAILABLE,
      "There is no active authority to sign with",
      "start-up or a failed rotation",
      "see the health of rotate-authority"),
  BUNDLE_UNKNOWN(
      Kind.NOT_FOUND, "No bundle for this trust domain", "not federated", "serai bundle list"),

  // Workload API
  SECURITY_HEADER_MISSING(
      Kind.MALFORMED,
      "security header missing from request",
      "a client that is not a SPIFFE client",
      "send metadata workload.spiffe.io: true"),
  WORKLOAD_NOT_ATTESTED(
      Kind.UNAVAILABLE,
      "The caller could not be identified",
      "it ended, or runs in another PID namespace",
      "see the detail; the agent must share the host's PID namespace"),
  WORKLOAD_NO_ENTRY(
      Kind.DENIED,
      "no identity issued",
      "no registration entry matches the caller",
      "serai entry create for this workload"),
  AGENT_NOT_READY(
      Kind.UNAVAILABLE,
      "The agent has no identity yet",
      "see the state of the agent",
      "serai health names what it waits for"),
  JWT_SVID_MALFORMED(
      Kind.MALFORMED,
      "The token is no JWT-SVID",
      "another kind of token, or one that was cut",
      "see the detail; send the token as it was fetched"),
  JWT_SVID_DOMAIN_UNKNOWN(
      Kind.MALFORMED,
      "The JWT-SVID is of a trust domain without a bundle here",
      "a token of another installation",
      "send a token of this trust domain"),
  JWT_SVID_KEY_UNKNOWN(
      Kind.MALFORMED,
      "The JWT-SVID names a key that its trust domain does not have",
      "made up, or older than the authority that signed it",
      "fetch a new token; compare its kid with serai bundle show"),
  JWT_SVID_SIGNATURE_INVALID(
      Kind.MALFORMED,
      "The JWT-SVID is not signed by the key it names",
      "changed on the way, or made up",
      "fetch a new token; look who sent this one"),
  JWT_SVID_AUDIENCE_WRONG(
      Kind.MALFORMED,
      "The JWT-SVID is for another audience",
      "a token that was meant for somebody else",
      "fetch a token for the audience that the verifier expects"),
  JWT_SVID_EXPIRED(
      Kind.MALFORMED,
      "The JWT-SVID has expired",
      "a token that was kept too long, or a clock that is wrong",
      "fetch a token for every use; check the clocks"),
  JWT_SVID_NOT_YET_VALID(
      Kind.MALFORMED,
      "The JWT-SVID is not valid yet",
      "a clock that is wrong, here or at the issuer",
      "check the clocks"),
  JWT_SVID_NOT_ISSUED(
      Kind.UNAVAILABLE,
      "The issuer gave no JWT-SVID",
      "it does not answer, or did not for the reason in the detail",
      "see the detail; try again with back-off"),

  // The gate
  GATE_NO_CERTIFICATE(
      Kind.DENIED,
      "Nobody showed a certificate at the gate",
      "a client without an SVID, or a proxy that does not hand it on",
      "connect with an SVID; at the proxy include_peer_certificate: true"),
  GATE_CERTIFICATE_INVALID(
      Kind.DENIED,
      "The certificate shown at the gate is not to be believed",
      "expired, of another trust domain, no SVID, or a header that others wrote",
      "see the detail; renew the SVID, set the proxy to SANITIZE_SET"),
  GATE_CLAIM_MISSING(
      Kind.DENIED,
      "The SVID says nothing of a location",
      "the node has no sensor, or its location was not accepted",
      "serai svid dump FILE; see serai node show for the node's location"),
  GATE_CLAIM_EXPIRED(
      Kind.DENIED,
      "The location in the SVID is no longer valid",
      "the node has not proven its location anew",
      "the agent attests again by itself; see its log for the sensor"),
  GATE_REGION_NOT_ALLOWED(
      Kind.DENIED,
      "The workload is in a region that may not pass",
      "it is elsewhere, or serai.gate.regions lacks it",
      "compare serai svid dump FILE with serai.gate.regions"),
  GATE_ASSURANCE_TOO_LOW(
      Kind.DENIED,
      "It is not known well enough where the workload is",
      "a claim without an operator's word, or a GNSS receiver alone",
      "register the device for the operator check, or lower serai.gate.minimum-assurance"),
  GATE_LOCATION_DENIED(
      Kind.DENIED,
      "The sensor service does not confirm the location",
      "the device is elsewhere, or not registered",
      "see the device's last result at the sensor service"),
  GATE_LOCATION_UNKNOWN(
      Kind.DENIED,
      "The operator does not know where the device is",
      "switched off or out of coverage",
      "try again once the device is in the network"),
  GATE_UNAVAILABLE(
      Kind.UNAVAILABLE,
      "The gate cannot ask what it needs to know",
      "the sensor service or its operator does not answer, or there is no trust bundle yet",
      "see serai health; it is tried again by itself"),
  GATE_ANSWER_INVALID(
      Kind.UNAVAILABLE,
      "The sensor service gave an answer that says nothing",
      "another service at serai.gate.sensor, or another version",
      "check serai.gate.sensor"),

  // TPM and agent
  WORKLOAD_API_DOWN(
      Kind.UNAVAILABLE,
      "The Workload API socket is not answered",
      "the socket was removed, or its listener takes no more connections",
      "see the detail; restart the agent if the socket is gone"),
  ENTRIES_STALE(
      Kind.UNAVAILABLE,
      "The entries were not renewed for too long",
      "the issuer does not answer",
      "see the route sync-entries; workloads keep what they have until it ends"),
  TPM_UNAVAILABLE(
      Kind.UNAVAILABLE,
      "The TPM does not answer",
      "the way to it broke, or it is out of resources",
      "serai tpm doctor"),
  TPM_NO_DEVICE(
      Kind.UNAVAILABLE,
      "There is no TPM device",
      "no TPM, or switched off in the firmware",
      "switch it on, or name one in serai.tpm.tcti"),
  TPM_NO_PERMISSION(
      Kind.UNAVAILABLE,
      "This user may not open the TPM",
      "not in the device's group",
      "add the user to the group named in the detail (often tss)"),
  TPM_BUSY(
      Kind.UNAVAILABLE,
      "Another process holds the TPM",
      "a second resource manager or a tool",
      "stop it, or use it: serai tpm doctor says which"),
  TPM_RESOURCE_MANAGER_CONFLICT(
      Kind.UNAVAILABLE,
      "Two resource managers want the same TPM",
      "tpm2-abrmd was started while Serai uses /dev/tpmrm0",
      "systemctl stop tpm2-abrmd.service"),
  TPM_RESOURCE_MANAGER_ABSENT(
      Kind.UNAVAILABLE,
      "tpm2-abrmd is to be used and is not there",
      "it was stopped or ended, or the D-Bus is down",
      "systemctl start tpm2-abrmd.service"),
  TPM_WEDGED(
      Kind.UNAVAILABLE,
      "The TPM takes commands and gives no answer",
      "a stopped software TPM or resource manager, or a chip that hangs",
      "journalctl -k --grep=tpm; power cycle if the TPM stays silent"),
  TPM_SOFTWARE(
      Kind.PRECONDITION,
      "A software TPM proves nothing about this machine",
      "serai.tpm.tcti names swtpm or mssim",
      "use it for demos and tests only"),
  TPM_NO_LIBRARY(Kind.UNAVAILABLE, "libtss2 is not installed", "missing packages", "./serai setup"),
  TPM_BAD_TCTI(
      Kind.UNAVAILABLE,
      "serai.tpm.tcti is not usable",
      "a typing error or a kind that is not allowed",
      "see the configuration table"),
  TPM_LOCKOUT(
      Kind.UNAVAILABLE,
      "The TPM is in dictionary attack lockout",
      "too many wrong passwords by some program",
      "wait, or tpm2_dictionarylockout --clear-lockout"),
  TPM_COMMAND_REFUSED(
      Kind.INTERNAL,
      "The TPM refused a command",
      "a key, blob or authorization it does not accept",
      "see the detail; serai tpm doctor"),
  ISSUER_UNREACHABLE(
      Kind.UNAVAILABLE,
      "The issuer does not answer",
      "not started, or the network is cut",
      "the agent tries again by itself"),
  REGISTRAR_UNREACHABLE(
      Kind.UNAVAILABLE,
      "The registrar does not answer",
      "not started, or the network is cut",
      "the agent tries again by itself"),
  TRUST_BUNDLE_MISSING(
      Kind.UNAVAILABLE,
      "No trust bundle to check the issuer with",
      "serai.agent.trust-bundle names no file yet",
      "copy the output of serai bundle show there"),
  CONFIGURATION_INVALID(
      Kind.PRECONDITION,
      "The configuration cannot be used",
      "see the detail",
      "mend the key named in the detail"),
  FEATURE_OFF(
      Kind.PRECONDITION,
      "Attestation by TPM is switched off",
      "serai.feature.unified-identity=false, or --feature unified_identity=false",
      "switch it on, or attest with a join token"),
  ADDRESS_IN_USE(
      Kind.UNAVAILABLE,
      "The process cannot listen there",
      "another process has the port or the socket",
      "stop that process, or set another address"),
  SELF_CHECK_FAILED(
      Kind.INTERNAL,
      "The process no longer works as a whole",
      "a deadlock or a dead thread",
      "restart it (the watchdog does) and report the detail"),
  // Location sensors and the operator
  IMEI_INVALID(
      Kind.MALFORMED,
      "This is no IMEI",
      "a typing error, or a number of another kind",
      "send 15 digits, the last one the check digit"),
  IMSI_INVALID(
      Kind.MALFORMED,
      "This is no IMSI",
      "a typing error, or a number of another kind",
      "send 14 or 15 digits"),
  MSISDN_INVALID(
      Kind.MALFORMED,
      "This is no phone number of E.164",
      "no plus sign, spaces, or a national number",
      "send + and the number with its country code"),
  COORDINATES_INVALID(
      Kind.MALFORMED,
      "This is no place on Earth",
      "degrees out of range, an accuracy that is not above zero, or one without the other",
      "send latitude and longitude in degrees of WGS 84, and the accuracy in metres"),
  SENSOR_MISSING(
      Kind.MALFORMED,
      "The request names no sensor",
      "a client that relied on a default sensor",
      "name a sensor; there is no default"),
  SENSOR_TYPE_UNSUPPORTED(
      Kind.MALFORMED,
      "The operator cannot be asked about a sensor of this type",
      "a GNSS receiver: only mobile devices are in a mobile network",
      "ask about mobile sensors only"),
  SENSOR_UNKNOWN(
      Kind.NOT_FOUND,
      "No such sensor is registered",
      "not registered yet, or a replaced device",
      "serai device create"),
  SENSOR_AMBIGUOUS(
      Kind.CONFLICT,
      "Several registered sensors have this id",
      "a sensor_id names a model, and there are two of it",
      "name IMEI and IMSI, or the serial number"),
  SENSOR_UNBOUND(
      Kind.DENIED,
      "The identifiers do not belong to one registered sensor",
      "a SIM was moved to another device, or a number is made up",
      "find out who changed the SIM; serai device update when it was meant"),
  SENSOR_EXISTS(
      Kind.CONFLICT,
      "A sensor with one of these identifiers is registered",
      "registered before",
      "serai device list"),
  SENSOR_INVALID(
      Kind.MALFORMED,
      "The sensor cannot be registered like this",
      "something is missing for its type",
      "see the detail"),
  SENSOR_REGISTRY_LOCKED(
      Kind.UNAVAILABLE,
      "The registered sensors cannot be read",
      "the key of the registry is gone or another one",
      "put sensor/registry.key of the state directory back, or register the sensors anew"),
  OPERATOR_NOT_CONFIGURED(
      Kind.UNAVAILABLE,
      "No operator of a mobile network is configured",
      "serai.camara.url is not set",
      "set serai.camara.url and serai.camara.credentials-file"),
  OPERATOR_UNREACHABLE(
      Kind.UNAVAILABLE,
      "The operator gives no answer",
      "its service or the network is down, or its certificate is not trusted",
      "it is asked again by itself; see the breaker operator in serai health"),
  OPERATOR_BUSY(
      Kind.UNAVAILABLE,
      "The operator is not asked now",
      "its quota is used up, or serai.camara.per-second or in-flight is reached",
      "wait; a longer serai.camara.cache-ttl asks less often"),
  OPERATOR_ANSWER_INVALID(
      Kind.UNAVAILABLE,
      "The operator's answer cannot be used",
      "another dialect, or a page of a proxy",
      "compare serai.camara.dialect and the paths with the operator's documentation"),
  OPERATOR_REFUSED(
      Kind.UNAVAILABLE,
      "The operator refuses the request",
      "wrong credentials, scope or form, or the subscriber did not agree",
      "see the detail; check serai.camara.credentials-file, scope and device"),
  OPERATOR_AUTHORIZATION_PENDING(
      Kind.UNAVAILABLE,
      "The operator waits for the subscriber's consent",
      "nobody has agreed yet",
      "agree on the device; it is asked again by itself"),
  OPERATOR_DEVICE_UNKNOWN(
      Kind.NOT_FOUND,
      "The operator does not know this device",
      "a number of another operator, or one that is no longer used",
      "correct the number: serai device update"),
  OPERATOR_AREA_REFUSED(
      Kind.MALFORMED,
      "The operator does not answer for such an area",
      "out of its coverage, or smaller than it allows",
      "a larger accuracy; serai.camara.least-radius"),
  DEMO_OPERATOR_UNAVAILABLE(
      Kind.UNAVAILABLE,
      "The demo's fake mobile operator does not run",
      "its jar is no part of an installed package; or it cannot listen on loopback",
      "run ./serai demo in the source tree, or name a jar that was built there: serai demo"
          + " --fake-operator FILE"),
  LOCATION_NOT_CONFIRMED(
      Kind.DENIED,
      "The operator has the device elsewhere",
      "the device was moved, or the registered area is wrong",
      "serai device update when it was meant to move"),
  LOCATION_UNDECIDED(
      Kind.UNAVAILABLE,
      "The operator cannot say where the device is",
      "it is switched off, out of coverage, or at the edge of the area",
      "try again; a larger accuracy when the answer is PARTIAL"),
  ENDORSEMENT_NONCE_INVALID(
      Kind.MALFORMED,
      "The nonce of an endorsement is missing or no nonce",
      "a client that does not protect itself against old answers",
      "send 16 to 128 of [A-Za-z0-9._~+/=-]"),
  ENDORSEMENT_MALFORMED(
      Kind.MALFORMED, "This is no endorsement", "a service of another version", "see the detail"),
  ENDORSEMENT_KEY_UNKNOWN(
      Kind.DENIED,
      "The endorsement names a key that is not trusted for its time",
      "forged, or the set of keys is old",
      "fetch mno-signing-keys.json again"),
  ENDORSEMENT_SIGNATURE_INVALID(
      Kind.DENIED,
      "The endorsement's signature does not hold",
      "forged or altered",
      "find out where it came from"),
  ENDORSEMENT_NONCE_MISMATCH(
      Kind.DENIED, "The endorsement answers another request", "a replay", "ask with a fresh nonce"),
  ENDORSEMENT_STALE(
      Kind.DENIED,
      "The operator's answer in the endorsement is too old",
      "a replay, or clocks that differ",
      "ask again; compare the clocks"),
  ENDORSEMENT_OF_OTHER_DEVICE(
      Kind.DENIED,
      "The endorsement is about another device",
      "a mix-up, or an attempt to pass with another device's location",
      "ask with IMEI and IMSI of the device"),
  ROUTE_INVALID(
      Kind.PRECONDITION,
      "A route file cannot be used",
      "a typing error in the YAML",
      "mend the file named in the detail; the routes that ran go on running");

  private final Kind kind;
  private final String what;
  private final String likelyCause;
  private final String remedy;

  ReasonCode(Kind kind, String what, String likelyCause, String remedy) {
    this.kind = kind;
    this.what = what;
    this.likelyCause = likelyCause;
    this.remedy = remedy;
  }

  public Kind kind() {
    return kind;
  }

  public String what() {
    return what;
  }

  public String likelyCause() {
    return likelyCause;
  }

  public String remedy() {
    return remedy;
  }
}
