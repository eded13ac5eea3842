-- Sensor: registered location sensors. Identifiers and places stand in the sealed part only; what is
-- looked for by is a keyed hash of it. The key is a file of the state directory.
-- Times are milliseconds since the epoch.

CREATE TABLE sensor_device (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,              -- MOBILE, GNSS
  sensor_id TEXT NOT NULL,         -- of the model
  imei_hash TEXT UNIQUE,           -- hex; NULL when it has none
  imsi_hash TEXT UNIQUE,
  msisdn_hash TEXT UNIQUE,
  serial_hash TEXT UNIQUE,
  node_id TEXT NOT NULL,           -- empty for any
  key_id TEXT NOT NULL,            -- of the key of hashes and seal
  sealed ${blob} NOT NULL,         -- AES-256-GCM, bound to the id
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE INDEX sensor_device_by_sensor_id ON sensor_device (sensor_id);
