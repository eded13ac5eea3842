-- Verifier: where nodes and their sensors were found last.

CREATE TABLE verifier_location (
  node_id     TEXT NOT NULL PRIMARY KEY,
  -- The last reading that was accepted; all NULL when there was none, the first three when it had no
  -- position.
  latitude    DOUBLE PRECISION,
  longitude   DOUBLE PRECISION,
  accuracy    DOUBLE PRECISION,
  taken_at    BIGINT,
  region      TEXT,
  valid_until BIGINT,
  -- Code, space, detail of the reason for which the location was refused since; empty when it was not.
  refusal     TEXT NOT NULL
);

-- What no two devices have in common (IMEI, IMSI, number, serial number) belongs to one node at a time.
CREATE TABLE verifier_sensor (
  device      TEXT   NOT NULL PRIMARY KEY, -- keyed hash, hex
  node_id     TEXT   NOT NULL,
  latitude    DOUBLE PRECISION,
  longitude   DOUBLE PRECISION,
  accuracy    DOUBLE PRECISION,
  taken_at    BIGINT NOT NULL,
  region      TEXT,
  valid_until BIGINT NOT NULL
);

CREATE INDEX verifier_sensor_by_node ON verifier_sensor (node_id);
