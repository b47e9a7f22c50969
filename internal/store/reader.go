package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"midstream/flow"
)

// Reader reads a session, also while another process writes it. Its methods
// may be called at once; it must be closed.
type Reader struct {
	dir     string
	meta    Meta
	db      *sql.DB
	copied  string // folder of a copy of the index, removed by Close
	words   wordTable
	version int // of the index
}

// OpenReader opens the session in dir for reading. Where nobody writes it and
// its index is missing or damaged, the index is made anew from the segments.
func OpenReader(dir string) (*Reader, error) {
	r, err := openReader(dir)
	if v := (errVersion{}); err != nil && r != nil && !errors.As(err, &v) && !errors.Is(err, errForeign) {
		r.Close()
		var s *Store
		if s, err = Open(dir, Config{}); err == nil {
			if err = s.Close(); err == nil {
				r, err = openReader(dir)
			}
		}
	}
	if err != nil {
		if r != nil {
			r.Close()
		}
		return nil, fmt.Errorf("read session %s: %w", dir, err)
	}
	return r, nil
}

// openReader returns a Reader together with an error where only the index is
// at fault.
func openReader(dir string) (*Reader, error) {
	meta, err := readMeta(dir)
	if err != nil {
		if gone(err) {
			return nil, errors.New("there is no session here")
		}
		return nil, err
	}
	r := &Reader{dir: dir, meta: meta}
	for _, p := range indexFiles(dir) {
		if info, err := os.Lstat(p); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", p)
		}
	}
	if _, err := os.Stat(indexPath(dir)); err != nil {
		return r, err
	}
	query := "mode=ro&_pragma=trusted_schema(OFF)&_pragma=cell_size_check(ON)&_pragma=query_only(ON)&_pragma=busy_timeout(2000)&_pragma=cache_size(-2048)"
	from := dir
	if readOnly(dir) {
		if r.copied, err = copyIndex(dir); err != nil {
			return r, fmt.Errorf("open index: %w", err)
		}
		if r.copied != "" {
			from = r.copied
		} else {
			// Nothing can be written beside the index, and nobody writes it.
			query += "&immutable=1"
		}
	}
	if r.db, err = sql.Open("sqlite", indexURL(from, query)); err != nil {
		return r, fmt.Errorf("open index: %w", err)
	}
	r.db.SetMaxOpenConns(4)
	ctx := context.Background()
	c, err := r.db.Conn(ctx)
	if err != nil {
		return r, fmt.Errorf("open index: %w", err)
	}
	defer c.Close()
	fresh, err := checkIndex(ctx, c)
	if err == nil && fresh {
		err = errors.New("the index is empty")
	}
	if err != nil {
		return r, err
	}
	r.words.db = r.db
	if r.version, err = indexVersionOf(ctx, c); err != nil {
		return r, fmt.Errorf("open index: %w", err)
	}
	session, err := markText(ctx, c, metaSession)
	if err == nil && session != meta.ID {
		err = errors.New("the index belongs to another session")
	}
	return r, err
}

// Dir is the folder of the session.
func (r *Reader) Dir() string { return r.dir }

// Meta is what the session says about itself.
func (r *Reader) Meta() Meta { return r.meta }

// Close lets go of the index.
func (r *Reader) Close() error {
	var err error
	if r.db != nil {
		err = r.db.Close()
	}
	if r.copied != "" {
		err = errors.Join(err, os.RemoveAll(r.copied))
	}
	return err
}

// copyIndex copies an index with its log to a folder of its own, where SQLite
// can bring the two together; "" where there is no log.
func copyIndex(dir string) (string, error) {
	if info, err := os.Stat(indexPath(dir) + "-wal"); err != nil || info.Size() == 0 {
		return "", nil
	}
	to, err := os.MkdirTemp("", "midstream-index")
	if err != nil {
		return "", err
	}
	for _, ending := range []string{"", "-wal"} {
		if err := copyFile(indexPath(to)+ending, indexPath(dir)+ending); err != nil {
			os.RemoveAll(to)
			return "", err
		}
	}
	return to, nil
}

// Live tells whether a process writes the session.
func (r *Reader) Live() bool { return written(r.dir) }

// written tells whether a process holds the lock of a session.
func written(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	held, err := lockHeld(f)
	return err == nil && held
}

// mark is up to where the index is complete.
func (r *Reader) mark(ctx context.Context) (Pos, error) {
	c, err := r.db.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("read index: %w", err)
	}
	defer c.Close()
	v, err := mark(ctx, c, metaHeads)
	if err != nil {
		return 0, fmt.Errorf("read index: %w", err)
	}
	return Pos(v), nil
}

// tail calls f for the pictures that the index may not have yet, in order, and
// returns where they end. Who asks the index, too, asks it behind tail: what moves
// there meanwhile is seen twice, and never not at all.
func (r *Reader) tail(ctx context.Context, f func(at Pos, h header, payload []byte) error) (Pos, error) {
	from, err := r.mark(ctx)
	if err != nil {
		return 0, err
	}
	c := newCursor(r.dir, headsStream, from)
	defer c.close()
	for {
		at, h, p, ok, err := c.next(wantPictures)
		if err != nil {
			return 0, err
		}
		if !ok {
			return c.pos(), nil
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := f(at, h, p); err != nil {
			return 0, err
		}
	}
}

func wantPictures(h header) bool { return h.kind == kindHead || h.kind == kindEnd }

// located is a picture and what was known when it was found.
type located struct {
	pic      *picture
	at       Pos // of pic
	headsEnd Pos // up to here the heads were seen
	extents  [2]extentList
	marks    [2]extentList
	bodyEnd  Pos  // up to here the bodies were seen, where the flow lives
	live     bool // a process writes it and it has not ended
}

// locate finds the newest picture of a flow.
func (r *Reader) locate(ctx context.Context, number uint64) (*located, error) {
	live := r.Live() // asked first: what has no end now may get one meanwhile
	var at Pos
	end, err := r.tail(ctx, func(pos Pos, h header, _ []byte) error {
		if h.flow == number {
			at = pos
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if at == 0 {
		var head int64
		err := r.db.QueryRowContext(ctx, "SELECT head FROM flows WHERE number = ?", int64(number)).Scan(&head)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("flow %d: %w in this session", number, ErrNotFound)
		}
		if err != nil {
			return nil, fmt.Errorf("read index: %w", err)
		}
		at = Pos(head)
	}
	pic, err := readPicture(r.dir, at, number)
	if gone(err) {
		return nil, fmt.Errorf("flow %d: %w", number, ErrEvicted)
	}
	if err != nil {
		return nil, err
	}
	resolveConns(r.dir, pic)
	l := &located{pic: pic, at: at, headsEnd: end, marks: pic.marks}
	for i := range l.extents {
		l.extents[i] = pic.extents[i]
	}
	if pic.flow.Live() {
		l.live = live
		if err := r.searchBodies(ctx, l); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// searchBodies finds the pieces of a flow that has no end record.
func (r *Reader) searchBodies(ctx context.Context, l *located) error {
	if l.pic.bodiesAt == 0 {
		return nil
	}
	o := openFlow{pic: l.pic}
	c := r.newBodies(l.pic.bodiesAt)
	defer c.close()
	for {
		at, h, p, ok, err := c.next(func(h header) bool { return h.flow == l.pic.flow.Number && h.side <= SentToClient })
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		o.found(at, h, p)
	}
	l.extents, l.marks, l.bodyEnd = o.out, o.marks, c.pos()
	return nil
}

// Get returns the picture of a flow. A flow that lives is shown as far as it is
// on disk; one whose writer is gone is shown as interrupted, and one whose heads
// are gone as far as the index has it. It fails with ErrNotFound.
func (r *Reader) Get(ctx context.Context, number uint64) (*flow.Flow, error) {
	f, at, err := r.get(ctx, number)
	// What a marked flow has in a segment that has to go is copied first, and the flow
	// written again: what is missing may be there now.
	for err == nil && f.Marker != "" && f.RequestBody.Removed+f.ResponseBody.Removed > 0 {
		before := at
		if f, at, err = r.get(ctx, number); at == before {
			break
		}
	}
	return f, err
}

// get is Get of the picture of now, which stands at a position.
func (r *Reader) get(ctx context.Context, number uint64) (*flow.Flow, Pos, error) {
	l, err := r.locate(ctx, number)
	if errors.Is(err, ErrEvicted) {
		f, err := r.remnant(ctx, number)
		return f, 0, err
	}
	if err != nil {
		return nil, 0, err
	}
	f := l.pic.flow
	if f.Live() {
		for i, b := range []*flow.Body{&f.RequestBody, &f.ResponseBody} {
			n := l.extents[i].end()
			b.Messages = max(b.Messages, l.marks[i].end())
			if b.Recorded, b.Sent = n, max(b.Sent, n); l.live {
				if n > 0 && b.Record != flow.Cut {
					b.Record = flow.Recording
				}
				continue
			}
			if b.CutReason = killedReason(b, n); b.CutReason != "" {
				b.Record = flow.Cut
			} else if n > 0 {
				b.Record = flow.Complete
			}
		}
		if !l.live {
			interrupted(f, killedText, f.Start)
		}
	}
	for i, b := range []*flow.Body{&f.RequestBody, &f.ResponseBody} {
		if b.Recorded > 0 {
			r.removed(l, i, b)
		}
	}
	return f, l.at, nil
}

// removed notes which octets of a body are gone.
func (r *Reader) removed(l *located, side int, b *flow.Body) {
	body, err := openExtents(r.dir, l.pic.flow.Number, Side(side), l.extents[side], l.pic.base)
	if err != nil {
		return // who reads it is told
	}
	defer body.Close()
	n := body.First()
	if n == 0 {
		return
	}
	b.Removed, b.Recorded = n, body.Size()-n
	reason := fmt.Sprintf("its first %d bytes were %v", n, ErrEvicted)
	if b.Recorded == 0 {
		reason = ErrEvicted.Error()
	}
	if b.Record != flow.Recording {
		b.Record = flow.Cut
	}
	if b.CutReason != "" {
		reason += "; " + b.CutReason
	}
	b.CutReason = reason
}

// Body opens what is recorded of side up to now. A flow without a recorded body
// has an empty one. The caller must close it.
func (r *Reader) Body(ctx context.Context, number uint64, side flow.Side) (*Body, error) {
	l, err := r.locate(ctx, number)
	if err != nil {
		return nil, err
	}
	return openExtents(r.dir, number, sideOf(side), l.extents[side&1], l.pic.base)
}

// followEvery is how often a growing body is looked at: what has passed is seen
// within twice the batch times plus this.
const followEvery = 20 * time.Millisecond
