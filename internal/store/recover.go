package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"midstream/flow"
)

// openFlow is a flow whose end has not been seen.
type openFlow struct {
	pic   *picture
	at    Pos
	out   [2]extentList
	marks [2]extentList
	sent  [2]int64 // where the octets that were found end
}

// maxOpenFlows bounds how many flows without an end recovery keeps in memory;
// the oldest of more are left as they are.
const maxOpenFlows = 100_000

// recovery is the state of bringing a session up to date.
type recovery struct {
	s     *Store
	x     *index
	open  map[uint64]*openFlow
	rows  []row
	last  uint64
	heads Pos // up to where heads is whole
}

// recover opens index and segments for writing, after bringing the index up to
// date with the segments.
func (s *Store) recover() (err error) {
	rc := &recovery{s: s, open: make(map[uint64]*openFlow)}
	from, bodiesFrom, err := rc.openIndex()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			rc.x.close()
		}
	}()
	if err := rc.replayHeads(from); err != nil {
		return err
	}
	bodiesEnd, err := rc.replayBodies(bodiesFrom)
	if err != nil {
		return err
	}
	if err := s.openAppenders(rc.heads, bodiesEnd); err != nil {
		return err
	}
	s.number.Store(rc.last)
	rc.closeOpen()
	marks := map[string]any{
		metaHeads: int64(s.w.heads.pos()), metaBodies: int64(s.w.bodies.pos()), metaSession: s.meta.ID,
		metaBoot: bootID(), metaClean: int64(0),
	}
	if err := s.failed(); err != nil {
		return err
	}
	if err := rc.x.add(s.w.rows, marks); err != nil {
		return err
	}
	s.w.rows = nil
	s.index = startIndexer(rc.x, s)
	return s.segments.load(s.dir)
}

// openIndex opens the index, a new one where the old cannot be used, and
// returns up to where it is complete.
func (rc *recovery) openIndex() (heads, bodies Pos, err error) {
	s := rc.s
	rc.x, err = openIndex(s.dir)
	if v := (errVersion{}); errors.As(err, &v) || errors.Is(err, errForeign) {
		return 0, 0, err
	}
	if err == nil {
		heads, bodies, err = rc.marks()
		if err == nil && heads != 0 {
			return heads, bodies, nil
		}
		rc.x.close()
	}
	if err != nil {
		s.cfg.Log.Warn("the index cannot be used and is made anew from the segments", "session", s.dir, "err", err)
	}
	for _, p := range indexFiles(s.dir) {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, 0, fmt.Errorf("make the index anew: %w", err)
		}
	}
	rc.x, err = openIndex(s.dir)
	return posOf(1, 0), 0, err
}

// marks reads up to where the index is complete and checks that this can be
// so; 0 asks for a new index.
func (rc *recovery) marks() (heads, bodies Pos, err error) {
	ctx, c := context.Background(), rc.x.conn
	session, err := markText(ctx, c, metaSession)
	if err != nil || session != rc.s.meta.ID {
		return 0, 0, err
	}
	boot, err := markText(ctx, c, metaBoot)
	if err != nil {
		return 0, 0, err
	}
	clean, err := mark(ctx, c, metaClean)
	if err != nil || clean == 0 && boot != bootID() {
		return 0, 0, err // the machine went down: the file may be torn
	}
	h, err := mark(ctx, c, metaHeads)
	if err != nil {
		return 0, 0, err
	}
	b, err := mark(ctx, c, metaBodies)
	if err != nil {
		return 0, 0, err
	}
	heads, bodies = Pos(h), Pos(b)
	info, err := os.Stat(segmentPath(rc.s.dir, headsStream, heads.Segment()))
	if err != nil || info.Size() < heads.Offset() {
		return 0, 0, nil
	}
	return heads, bodies, rc.loadLive(ctx)
}

// loadLive reads the flows that have a row but no end.
func (rc *recovery) loadLive(ctx context.Context) error {
	rows, err := rc.x.conn.QueryContext(ctx, "SELECT number, head, bodies FROM flows WHERE outcome = 0 ORDER BY number DESC LIMIT ?", maxOpenFlows)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var number, head, bodies int64
		if err := rows.Scan(&number, &head, &bodies); err != nil {
			return err
		}
		pic, err := readPicture(rc.s.dir, Pos(head), uint64(number))
		if err != nil {
			rc.warn(err.Error())
			continue
		}
		rc.open[uint64(number)] = &openFlow{pic: pic, at: Pos(head)}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var last int64
	if err := rc.x.conn.QueryRowContext(ctx, "SELECT ifnull(max(number), 0) FROM flows").Scan(&last); err != nil {
		return err
	}
	rc.last = uint64(max(0, last))
	return nil
}

func (rc *recovery) warn(text string) {
	rc.s.cfg.Log.Warn("the session is damaged; what is whole is kept", "session", rc.s.dir, "damage", text)
}

// replayHeads brings the heads from a position on into the index.
func (rc *recovery) replayHeads(from Pos) error {
	want := func(h header) bool { return h.kind == kindHead || h.kind == kindEnd }
	end, err := scanStream(rc.s.dir, headsStream, from, true, want, func(at Pos, h header, p []byte) error {
		rc.last = max(rc.last, h.flow)
		pic, err := decodePicture(p)
		if err != nil {
			rc.warn(err.Error())
			return nil
		}
		pic.flow.Number = h.flow
		if h.kind == kindHead {
			if _, known := rc.open[h.flow]; known || len(rc.open) < maxOpenFlows {
				rc.open[h.flow] = &openFlow{pic: pic, at: at}
			}
			return nil
		}
		delete(rc.open, h.flow)
		rc.rows = append(rc.rows, rowOf(pic.named(rc.s.dir), at, pic.bodiesAt))
		if len(rc.rows) < maxRows/4 {
			return nil
		}
		rows := rc.rows
		rc.rows = rc.rows[:0]
		return rc.x.add(rows, nil)
	}, rc.warn)
	if err != nil {
		return err
	}
	rc.heads = end
	rows := rc.rows
	rc.rows = nil
	return rc.x.add(rows, nil)
}

// replayBodies finds the pieces of the flows without an end, and where the last
// whole record ends.
func (rc *recovery) replayBodies(mark Pos) (Pos, error) {
	from := mark
	if from == 0 {
		// A new index: only the newest segment may have a torn tail.
		if list, err := listSegments(rc.s.dir, bodiesStream); err == nil && len(list) > 0 {
			from = posOf(list[len(list)-1].number, 0)
		}
	}
	for _, o := range rc.open {
		if o.pic.bodiesAt != 0 {
			from = min(from, o.pic.bodiesAt)
		}
	}
	want := func(h header) bool { return h.flow != 0 }
	return scanStream(rc.s.dir, bodiesStream, from, true, want, func(at Pos, h header, p []byte) error {
		rc.last = max(rc.last, h.flow)
		o := rc.open[h.flow]
		if o == nil || h.side > SentToClient {
			return nil
		}
		o.found(at, h, p)
		return nil
	}, rc.warn)
}

// found adds one record of a flow's body. Its first octets may be gone with
// the segments that had them.
func (o *openFlow) found(at Pos, h header, p []byte) {
	l := &o.out[h.side]
	switch h.kind {
	case kindDrop:
		*l, o.sent[h.side], o.marks[h.side] = extentList{}, 0, extentList{}
	case kindMarks:
		o.foundMarks(at, h, p)
	case kindMarkMap:
		if m, err := parseExtents(p); err == nil {
			o.marks[h.side].cover(at, m.end())
		}
	case kindMap:
		if m, err := parseExtents(p); err == nil {
			l.cover(at, m.end())
		}
	case kindPiece:
		q, _, err := parsePieces(p, len(p))
		if err != nil {
			return
		}
		if l.empty() && o.sent[h.side] == 0 {
			l.start, o.sent[h.side] = q.offset, q.offset
		}
		if q.offset != o.sent[h.side] {
			return // a copy, or behind a gap: only what is whole up to there is kept
		}
		o.sent[h.side] += int64(len(q.data))
		l.items = append(l.items, extent{at, int64(len(q.data))})
	}
}

// foundMarks adds a record of marks.
func (o *openFlow) foundMarks(at Pos, h header, p []byte) {
	t, err := parseMarks(p, 0)
	if err != nil {
		return
	}
	l := &o.marks[h.side]
	if l.empty() {
		l.start = t.index
	}
	if t.index == l.end() {
		l.items = append(l.items, extent{at, int64(len(t.marks))})
	}
}

// openAppenders continues the streams behind their last whole records.
func (s *Store) openAppenders(heads, bodies Pos) error {
	w := s.w
	w.heads = appender{dir: s.dir, stream: headsStream, session: s.meta.key(), roll: s.cfg.headsRoll, sealErr: s.fail, fault: s.cfg.fault}
	w.bodies = appender{dir: s.dir, stream: bodiesStream, session: s.meta.key(), roll: s.cfg.bodiesRoll, sealErr: s.fail, fault: s.cfg.fault}
	if err := w.heads.resume(heads); err != nil {
		return err
	}
	tail, err := makeTail(s.dir)
	if err != nil {
		w.heads.close()
		return err
	}
	w.bodies.tail, w.bodies.async = tail, newAsync()
	if err := w.bodies.resume(bodies); err != nil {
		w.bodies.close()
		w.heads.close()
		return err
	}
	return nil
}

// resume continues at pos. A segment whose header is not whole (offset 0) is
// left alone, and the next number is taken.
func (a *appender) resume(pos Pos) error {
	if pos.Offset() >= segmentHeader {
		return a.open(pos.Segment(), pos.Offset())
	}
	if pos.Segment() > 0 {
		if info, err := os.Stat(segmentPath(a.dir, a.stream, pos.Segment())); err == nil && info.Size() < segmentHeader {
			if err := os.Remove(segmentPath(a.dir, a.stream, pos.Segment())); err != nil {
				return err
			}
			return a.open(pos.Segment(), 0)
		}
	}
	list, err := listSegments(a.dir, a.stream)
	if err != nil {
		return err
	}
	number := max(1, pos.Segment())
	if len(list) > 0 {
		number = max(number, list[len(list)-1].number+1)
	}
	return a.open(number, 0)
}

const killedText = "midstream was killed while the flow lived"

// closeOpen writes ends for the flows that have none.
func (rc *recovery) closeOpen() {
	w := rc.s.w
	for _, number := range slices.Sorted(maps.Keys(rc.open)) {
		for i := range rc.open[number].out {
			w.mapAll(number, Side(i), kindMap, &rc.open[number].out[i], maxExtents)
			w.mapAll(number, Side(i), kindMarkMap, &rc.open[number].marks[i], maxExtents)
		}
	}
	w.flushBody()
	for _, number := range slices.Sorted(maps.Keys(rc.open)) {
		o := rc.open[number]
		r := &Record{s: rc.s, number: number, base: time.UnixMicro(o.pic.base).UTC(), picture: o.interrupted(), ended: true, ending: true,
			headAt: o.at, bodiesAt: o.pic.bodiesAt, out: o.out, marks: o.marks}
		f := r.picture
		for i, b := range []*flow.Body{&f.RequestBody, &f.ResponseBody} {
			r.side[i].n, r.side[i].written = o.sent[i], o.sent[i]
			b.Messages = max(b.Messages, o.marks[i].end())
			if reason := killedReason(b, o.sent[i]); reason != "" {
				r.side[i].cut = reason
			}
		}
		resolveConns(rc.s.dir, o.pic)
		w.writeHead(r)
		w.keepGoing()
	}
	w.flushHead()
}

// killedReason is why the record of a body ends at n, where nobody has said how
// the body itself did; "" when it is whole.
func killedReason(b *flow.Body, n int64) string {
	switch {
	case whole(b, n) || n == 0 && (b.Ended || b.Disposition == flow.NoBody || b.Disposition == flow.Pass):
		return ""
	case b.CutReason != "":
		return b.CutReason
	}
	return killedText
}

// whole tells whether n octets are all of a body that has passed.
func whole(b *flow.Body, n int64) bool {
	return b.Ended && n == b.Sent || b.Declared > 0 && n == b.Declared && !b.Transformed
}

// interrupted is the last picture of a flow that never got its end.
func (o *openFlow) interrupted() *flow.Flow {
	f := o.pic.flow
	for i, b := range []*flow.Body{&f.RequestBody, &f.ResponseBody} {
		b.Recorded = o.sent[i]
		if b.Sent < o.sent[i] {
			b.Sent = o.sent[i]
		}
	}
	if f.Outcome.Kind == flow.Running {
		interrupted(f, killedText, f.Start)
	}
	return f
}

// bootID names this boot of the machine, "" where it has no name.
func bootID() string {
	p, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(p))
}
