package test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTheDashboardAsksForWhatIsExported(t *testing.T) {
	data, err := os.ReadFile("../grafana/ecs-api.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		UID, Title string
		Panels     []struct {
			ID          int
			Type, Title string
			Targets     []struct{ Expr string }
			GridPos     struct{ X, W int }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	series := exported(t)
	var used []string
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q has another's id, no title, or no room", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			used = append(used, checkQuery(t, series, target.Expr)...)
		}
	}
	for name := range series {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
		shown := slices.ContainsFunc(used, func(u string) bool { return strings.HasPrefix(u, base) })
		if strings.HasPrefix(name, "ecs_api_") && !shown {
			t.Errorf("no panel shows %s", base)
		}
	}
}
