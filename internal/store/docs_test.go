package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"midstream/flow"
)

func sessionsPage(t *testing.T) string {
	t.Helper()
	p, err := os.ReadFile("../../docs/sessions.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(p)), " ")
}

func mib(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

// The numbers that the page gives are those of the code.
func TestPageHasTheNumbers(t *testing.T) {
	page := sessionsPage(t)
	c := Config{MaxSize: 1 << 30}.withDefaults()
	for _, want := range []string{
		fmt.Sprintf("`session_keep` | %dh ", DefaultKeep/time.Hour),
		fmt.Sprintf("the smaller of %d GiB and a quarter of the free disk", int64(unnamedMaxSize)>>30),
		fmt.Sprintf("`session_min_free` | %d GiB ", int64(DefaultMinFree)>>30),
		fmt.Sprintf("`record_stall` | %ds ", DefaultStall/time.Second),
		fmt.Sprintf("tried again every %d seconds, and at once when %s more", retryEvery/time.Second, mib(retryRoom)),
		"kept in memory, up to " + mib(heldEnds),
		fmt.Sprintf("an %s of the bound or %s", map[int64]string{8: "eighth"}[c.MaxSize/c.bodiesRoll], mib(bodiesRoll)),
		fmt.Sprintf("when heads alone fill %s of `session_max_size`", map[int]string{2: "half"}[headsShare]),
		fmt.Sprintf("until the index fills a %s of", map[int]string{4: "quarter"}[indexShare]),
		fmt.Sprintf("theirs for more than %s quarters", map[int]string{4: "three"}[pinnedShare]),
		fmt.Sprintf("Bodies begin a new segment at %s, heads at %s", mib(bodiesRoll), mib(headsRoll)),
		fmt.Sprintf("`application_id` %#x, `user_version` %d", indexApplication, indexVersion),
		fmt.Sprintf("A segment begins with %d octets: `%s`, version (2 octets, now %d), stream (1: %d heads, %d bodies)", segmentHeader, segmentMagic, segmentVersion, headsStream, bodiesStream),
		fmt.Sprintf("%d in each", maxExtents),
		fmt.Sprintf("kind, plus 64 times the side: %d sent to the server, %d sent to the client, %d received from the client, %d received from the server",
			SentToServer, SentToClient, ReceivedFromClient, ReceivedFromServer),
		fmt.Sprintf("| %d head | heads |", kindHead), fmt.Sprintf("| %d end | heads |", kindEnd), fmt.Sprintf("| %d conn | heads |", kindConn),
		fmt.Sprintf("| %d piece | bodies |", kindPiece), fmt.Sprintf("| %d drop | bodies |", kindDrop), fmt.Sprintf("| %d map | bodies |", kindMap),
		fmt.Sprintf("| %d marks | bodies | where up to %d messages", kindMarks, maxMarks),
		fmt.Sprintf("| %d | bodies | reserved", kindFrame), fmt.Sprintf("| %d mark map | bodies |", kindMarkMap),
		fmt.Sprintf("how is %d without a spelling of its own, %d for `name: value`, and %d where the line as received follows", wireNone, wirePlain, wireOwn),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if batchLinger+bulkLinger > 50*time.Millisecond || !strings.Contains(page, "what passed in the last 50 ms") {
		t.Error("how much a kill may cost")
	}
	if 3*c.MaxSize/4 != c.MaxSize/4*3 || !strings.Contains(page, "One body that fills three quarters of `session_max_size`") {
		t.Error("how large one body may be")
	}
}

// The values that the page lists for the columns of flows are all there are.
func TestPageHasTheValues(t *testing.T) {
	page := sessionsPage(t)
	line := func(column string, name func(i uint8) string) {
		t.Helper()
		_, rest, ok := strings.Cut(page, column+" | 0 ")
		values, _, _ := strings.Cut("0 "+rest, " |")
		if !ok {
			t.Errorf("the page has no values of %s", column)
			return
		}
		list := strings.Split(values, ", ")
		for i, v := range list {
			number, text, _ := strings.Cut(v, " ")
			if number != fmt.Sprint(i) || name(uint8(i)) != "" && !strings.EqualFold(text, name(uint8(i))) {
				t.Errorf("%s: the page says %q, the code %d %q", column, v, i, name(uint8(i)))
			}
		}
		if n := uint8(len(list)); name(n) != "" && !regexp.MustCompile(`\d$`).MatchString(name(n)) {
			t.Errorf("%s: %d %s is not on the page", column, n, name(n))
		}
	}
	line("`request_record`, `response_record`", func(i uint8) string { return flow.Record(i).String() })
	line("`request_disposition`, `response_disposition`", func(i uint8) string {
		return strings.NewReplacer("as it passes", "as it passed", "passed, not recorded", "passed unrecorded").Replace(flow.Disposition(i).String())
	})
	line("`outcome`", func(i uint8) string { return flow.OutcomeKind(i).String() })
}

// Each query of the page runs against a session, as another program would.
func TestPageQueriesRun(t *testing.T) {
	dir := made(t, 3)
	db, err := sql.Open("sqlite", indexURL(dir, "mode=ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	queries := regexp.MustCompile(`sqlite3 -readonly flows\.db "([^"]+)"`).FindAllStringSubmatch(sessionsPage(t), -1)
	if len(queries) == 0 {
		t.Fatal("the page has no query")
	}
	for _, q := range queries {
		rows, err := db.QueryContext(context.Background(), q[1])
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rows.Next() {
			n++
		}
		if rows.Close(); n != 3 {
			t.Errorf("%s: %d rows", q[1], n)
		}
	}
}

// The files that the page names are those of a session.
func TestPageHasTheFiles(t *testing.T) {
	page := sessionsPage(t)
	dir := made(t, 1)
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err == nil && !d.IsDir() && !strings.Contains(page, " "+filepath.ToSlash(name)+" ") {
			t.Errorf("%s is not on the page", name)
		}
		return err
	})
}
