package fault

import "testing"

func TestDidYouMean(t *testing.T) {
	words := []string{"temperature", "base_temperature", "batch_size", "lr", "model"}
	for word, want := range map[string]string{
		"temprature": `; did you mean "temperature"?`,
		"batchsize":  `; did you mean "batch_size"?`,
		"Model":      `; did you mean "model"?`,
		"lrr":        `; did you mean "lr"?`,
		"quantum":    "",
		"x":          "",
	} {
		if got := DidYouMean(word, words); got != want {
			t.Errorf("DidYouMean(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
