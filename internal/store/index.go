package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"midstream/flow"
)

// row is one flow in the index.
type row struct {
	Summary
	at       Pos // its newest head or its end record
	bodiesAt Pos
	traits   uint64
	texts    factTexts
}

func rowOf(f *flow.Flow, at, bodiesAt Pos) row {
	r := row{Summary: Summarize(f), at: at, bodiesAt: bodiesAt}
	r.traits, r.texts = traitsOf(f)
	return r
}

// index is flows.db, open for writing. It belongs to one goroutine.
type index struct {
	db     *sql.DB
	conn   *sql.Conn
	words  map[string]int64
	many   driver.Stmt // rowsAtOnce rows
	one    driver.Stmt
	args   []driver.NamedValue // of one statement
	blocks blocks
}

const (
	rowsAtOnce = 64
	maxWords   = 16 << 10 // kept in memory
)

func indexPath(dir string) string { return filepath.Join(dir, "flows.db") }

func indexFiles(dir string) []string {
	p := indexPath(dir)
	return []string{p, p + "-wal", p + "-shm", p + "-journal"}
}

func indexURL(dir, query string) string {
	p := filepath.ToSlash(indexPath(dir))
	if !strings.HasPrefix(p, "/") {
		if abs, err := filepath.Abs(indexPath(dir)); err == nil {
			p = filepath.ToSlash(abs)
		}
	}
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	u := url.URL{Scheme: "file", Path: p, RawQuery: query}
	return u.String()
}

// errVersion is an index that this midstream does not read.
type errVersion struct{ found, known int }

func (e errVersion) Error() string {
	return fmt.Sprintf("the session has index version %d, this midstream knows up to %d: use a newer midstream", e.found, e.known)
}

var errForeign = errors.New("flows.db is not the index of a session")

// openIndex opens or makes the index of dir for writing.
func openIndex(dir string) (_ *index, err error) {
	for _, p := range indexFiles(dir) {
		if info, err := os.Lstat(p); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("open index: %s is not a regular file", p)
		}
	}
	f, err := openPrivate(indexPath(dir)) // SQLite gives its other files the same mode
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	f.Close()
	x := &index{words: make(map[string]int64)}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	if x.db, err = sql.Open("sqlite", indexURL(dir, "mode=rw")); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	x.db.SetMaxOpenConns(1)
	ctx := context.Background()
	if x.conn, err = x.db.Conn(ctx); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	for _, p := range []string{"trusted_schema=OFF", "cell_size_check=ON", "journal_mode=WAL", "synchronous=OFF", "cache_size=-1024", "busy_timeout=2000", "wal_autocheckpoint=2000", "temp_store=MEMORY"} {
		if _, err := x.conn.ExecContext(ctx, "PRAGMA "+p); err != nil {
			return nil, fmt.Errorf("open index: %w", err)
		}
	}
	fresh, err := checkIndex(ctx, x.conn)
	if err != nil {
		return nil, err
	}
	if fresh {
		script := fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d; %s", indexApplication, indexVersion, indexSchema)
		if _, err := x.conn.ExecContext(ctx, script); err != nil {
			return nil, fmt.Errorf("make index: %w", err)
		}
	}
	if version, err := indexVersionOf(ctx, x.conn); err == nil && version < indexVersion {
		if err := x.upgrade(ctx, dir, version); err != nil {
			return nil, fmt.Errorf("bring the index of version %d to version %d: %w", version, indexVersion, err)
		}
	}
	if _, err := x.conn.ExecContext(ctx, indexIndexes); err != nil {
		return nil, fmt.Errorf("make index: %w", err)
	}
	if x.many, err = x.prepare(insertRows(rowsAtOnce)); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if x.one, err = x.prepare(insertRows(1)); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	return x, nil
}

// prepare makes a statement of the driver: what package sql does for each
// argument on its way there costs a good part of a row.
func (x *index) prepare(text string) (s driver.Stmt, err error) {
	err = x.conn.Raw(func(c any) (err error) {
		s, err = c.(driver.Conn).Prepare(text)
		return err
	})
	return s, err
}

// checkIndex looks at the version; fresh is an empty database.
func checkIndex(ctx context.Context, c *sql.Conn) (fresh bool, err error) {
	var app, version, tables int
	if err := c.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return false, fmt.Errorf("open index: %w", err)
	}
	if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return false, fmt.Errorf("open index: %w", err)
	}
	if err := c.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return false, fmt.Errorf("open index: %w", err)
	}
	if app == 0 && version == 0 && tables == 0 {
		return true, nil
	}
	if app != indexApplication {
		return false, errForeign
	}
	if version > indexVersion {
		return false, errVersion{version, indexVersion}
	}
	// A schema that is not ours, with triggers perhaps, is never run.
	var odd int
	err = c.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE type IN ('trigger', 'view')
		OR type = 'table' AND name NOT IN ('meta', 'words', 'flows', 'blocks') AND name NOT LIKE 'sqlite_stat%'`).Scan(&odd)
	if err != nil {
		return false, fmt.Errorf("open index: %w", err)
	}
	if odd > 0 {
		return false, errForeign
	}
	return false, nil
}

func insertRows(n int) string {
	one := "(" + strings.Repeat("?,", columns-1) + "?)"
	return "INSERT OR REPLACE INTO flows VALUES " + strings.Repeat(one+",", n-1) + one
}

// add writes rows and the mark in one transaction.
func (x *index) add(rows []row, marks map[string]any) error {
	ctx := context.Background()
	if _, err := x.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	err := x.insert(ctx, rows)
	if err == nil {
		err = x.writeBlocks(ctx)
	}
	for name, v := range marks {
		if err == nil {
			_, err = x.conn.ExecContext(ctx, "INSERT OR REPLACE INTO meta VALUES (?, ?)", name, v)
		}
	}
	if err == nil {
		_, err = x.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		x.conn.ExecContext(ctx, "ROLLBACK")
		clear(x.words)
		x.blocks.drop()
		return fmt.Errorf("write index: %w", err)
	}
	return nil
}

func (x *index) insert(ctx context.Context, rows []row) error {
	defer func() { clear(x.args) }()
	for len(rows) > 0 {
		n, stmt := 1, x.one
		if len(rows) >= rowsAtOnce {
			n, stmt = rowsAtOnce, x.many
		}
		x.args = x.args[:0]
		for i := range rows[:n] {
			if err := x.addArgs(ctx, &rows[i]); err != nil {
				return err
			}
			if err := x.note(ctx, &rows[i]); err != nil {
				return err
			}
		}
		err := x.conn.Raw(func(any) error {
			_, err := stmt.(driver.StmtExecContext).ExecContext(ctx, x.args)
			return err
		})
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (x *index) addArgs(ctx context.Context, r *row) error {
	method, err := x.word(ctx, r.Method)
	if err != nil {
		return err
	}
	scheme, err := x.word(ctx, r.Scheme)
	if err != nil {
		return err
	}
	host, err := x.word(ctx, r.Host)
	if err != nil {
		return err
	}
	mediaType, err := x.word(ctx, r.Type)
	if err != nil {
		return err
	}
	for _, v := range [columns]any{int64(r.Number), r.ID[:], int64(r.Kind), micros(r.Start), r.Duration.Microseconds(),
		method, scheme, host, r.Path, indexedStatus(&r.Summary), mediaType,
		int64(r.Request.Disposition), r.Request.Size, int64(r.Request.Record),
		int64(r.Response.Disposition), r.Response.Size, int64(r.Response.Record),
		int64(r.Outcome.Kind), r.Outcome.Bytes, r.Outcome.Text, r.Marker, int64(r.at), int64(r.bodiesAt)} {
		x.args = append(x.args, driver.NamedValue{Ordinal: len(x.args) + 1, Value: v})
	}
	return nil
}

// indexedStatus is the status of the response; below 0 it is that of an answer
// that midstream gave itself.
func indexedStatus(s *Summary) int64 {
	if s.Outcome.Answered != 0 {
		return -int64(s.Outcome.Answered)
	}
	return int64(s.Status)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// word returns the number of a text in the dictionary.
func (x *index) word(ctx context.Context, text string) (int64, error) {
	if id, ok := x.words[text]; ok {
		return id, nil
	}
	if len(x.words) >= maxWords {
		clear(x.words)
	}
	if _, err := x.conn.ExecContext(ctx, "INSERT OR IGNORE INTO words(text) VALUES (?)", text); err != nil {
		return 0, err
	}
	var id int64
	if err := x.conn.QueryRowContext(ctx, "SELECT id FROM words WHERE text = ?", text).Scan(&id); err != nil {
		return 0, err
	}
	x.words[text] = id
	return id, nil
}

// heads is up to where the index is complete.
func (x *index) heads() (Pos, error) {
	v, err := mark(context.Background(), x.conn, metaHeads)
	return Pos(v), err
}

// mark reads a number from meta, 0 where there is none.
func mark(ctx context.Context, c *sql.Conn, name string) (int64, error) {
	var v int64
	err := c.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ? AND typeof(value) = 'integer'", name).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return v, err
}

func markText(ctx context.Context, c *sql.Conn, name string) (string, error) {
	var v string
	err := c.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ? AND typeof(value) = 'text'", name).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

func (x *index) close() error {
	var errs []error
	if x.conn != nil {
		errs = append(errs, x.conn.Raw(func(any) error {
			for _, s := range []driver.Stmt{x.many, x.one} {
				if s != nil {
					errs = append(errs, s.Close())
				}
			}
			return nil
		}))
		errs = append(errs, x.conn.Close())
	}
	if x.db != nil {
		errs = append(errs, x.db.Close())
	}
	return errors.Join(errs...)
}
