package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"midstream/internal/flowview"
	"midstream/internal/llm"
)

// getAnswer is GET /flows/{id}/answer.
func (s *Server) getAnswer(w http.ResponseWriter, r *http.Request) error {
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	f, err := s.reader.Get(r.Context(), n)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("follow") != "1" {
		out := struct {
			Answer *llm.Result `json:"answer"`
			Error  string      `json:"error,omitempty"`
		}{}
		if out.Answer, err = flowview.Answer(r.Context(), s.reader, f); err != nil {
			out.Error = asError(err).Text
		}
		writeJSON(w, http.StatusOK, out)
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer s.whenStopping(cancel)()
	out := beginEvents(w)
	var was *llm.Result
	err = flowview.FollowAnswer(ctx, s.reader, f, func(now *llm.Result) bool {
		sent := false
		if behind(w) != nil {
			// What was added alone does not say what it belongs to.
			now = hiddenAnswer(now)
		}
		if added, ok := growth(was, now); ok {
			sent = out.event("more", added)
		} else {
			sent = out.event("answer", now)
		}
		was = now
		return sent
	})
	switch {
	case ctx.Err() != nil || out.fail != nil:
	case err != nil:
		out.event("failed", map[string]*Error{"error": asError(err)})
	default:
		out.event("end", struct{}{})
	}
	return nil
}

// hiddenAnswer is an answer without credentials.
func hiddenAnswer(a *llm.Result) *llm.Result {
	text, err := json.Marshal(a)
	if err != nil {
		return a
	}
	hidden := new(llm.Result)
	if err := json.Unmarshal(veil.JSON(text), hidden); err != nil {
		return a
	}
	return hidden
}

// growth is an answer as what has been added to the one before: texts have only
// their new ends, and arguments of tools too. It is false where a text is not what
// it was and more.
func growth(was, now *llm.Result) (*llm.Result, bool) {
	if was == nil || len(now.Outputs) < len(was.Outputs) {
		return nil, false
	}
	added := *now
	added.Outputs = append([]llm.Output{}, now.Outputs...)
	for i := range was.Outputs {
		before, o := &was.Outputs[i], &added.Outputs[i]
		same := true
		for _, text := range []struct {
			is  *string
			was string
		}{{&o.Text, before.Text}, {&o.Reasoning, before.Reasoning}, {&o.Refusal, before.Refusal}} {
			end, ok := strings.CutPrefix(*text.is, text.was)
			*text.is, same = end, same && ok
		}
		if !same || len(o.ToolCalls) < len(before.ToolCalls) || len(o.Citations) < len(before.Citations) || o.Index != before.Index {
			return nil, false
		}
		o.Citations = o.Citations[len(before.Citations):]
		calls := append([]llm.ToolCall{}, o.ToolCalls...)
		for j, c := range before.ToolCalls {
			if c.Arguments == nil {
				continue
			}
			if calls[j].Arguments == nil {
				return nil, false
			}
			end, ok := strings.CutPrefix(*calls[j].Arguments, *c.Arguments)
			if !ok {
				return nil, false
			}
			calls[j].Arguments, calls[j].Input = &end, nil
		}
		o.ToolCalls = calls
	}
	return &added, true
}
