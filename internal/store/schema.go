package store

// The index. Its format is open: everybody may query it. The numbers of kinds,
// dispositions, records, and outcomes are those of package flow.
const (
	// indexApplication is the application_id of flows.db: "mids".
	indexApplication = 0x6d696473
	// indexVersion is its user_version. A newer midstream migrates an older
	// index once; an older one refuses a newer.
	indexVersion = 2
)

const indexSchema = `
CREATE TABLE meta(
	name  TEXT PRIMARY KEY,
	value
) WITHOUT ROWID;
CREATE TABLE words(
	id   INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
);
CREATE TABLE flows(
	number   INTEGER PRIMARY KEY,
	id       BLOB NOT NULL,
	kind     INTEGER NOT NULL,
	start    INTEGER NOT NULL,
	duration INTEGER NOT NULL,
	method   INTEGER NOT NULL,
	scheme   INTEGER NOT NULL,
	host     INTEGER NOT NULL,
	path     TEXT NOT NULL,
	status   INTEGER NOT NULL,
	type     INTEGER NOT NULL,
	request_disposition  INTEGER NOT NULL,
	request_size         INTEGER NOT NULL,
	request_record       INTEGER NOT NULL,
	response_disposition INTEGER NOT NULL,
	response_size        INTEGER NOT NULL,
	response_record      INTEGER NOT NULL,
	outcome  INTEGER NOT NULL,
	outcome_bytes INTEGER NOT NULL,
	outcome_text  TEXT NOT NULL,
	marker   TEXT NOT NULL,
	head     INTEGER NOT NULL,
	bodies   INTEGER NOT NULL
);
` + blocksSchema

// blocksSchema is new in version 2.
const blocksSchema = `
CREATE TABLE blocks(
	block  INTEGER PRIMARY KEY,
	flows  INTEGER NOT NULL,
	digest BLOB NOT NULL,
	facts  BLOB NOT NULL
);
`

// indexIndexes are made where they are missing: any version reads without them.
const indexIndexes = `
CREATE INDEX IF NOT EXISTS live ON flows(number) WHERE outcome = 0;
CREATE INDEX IF NOT EXISTS marked ON flows(number) WHERE marker <> '';
`

const columns = 23

const selectRow = `SELECT f.number, f.id, f.kind, f.start, f.duration, m.text, s.text, h.text, f.path, f.status, t.text,
	f.request_disposition, f.request_size, f.request_record, f.response_disposition, f.response_size, f.response_record,
	f.outcome, f.outcome_bytes, f.outcome_text, f.marker, f.head, f.bodies
	FROM flows f JOIN words m ON m.id = f.method JOIN words s ON s.id = f.scheme
	JOIN words h ON h.id = f.host JOIN words t ON t.id = f.type `

// The names in meta.
const (
	metaHeads   = "heads"   // the heads up to this position are in the index
	metaBodies  = "bodies"  // where bodies stood then
	metaSession = "session" // the session's id
	metaBoot    = "boot"    // the boot of the machine during which it was written
	metaPlain   = "plain"   // the flows up to this number have no facts in blocks
	metaClean   = "clean"   // 1 when it was closed properly
)
