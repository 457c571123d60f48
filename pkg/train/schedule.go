package train

import (
	"fmt"

	"supcon/pkg/optim"
)

// lateFall tells of a fall of the learning rate that comes too late to happen,
// or returns "".
func lateFall(s optim.Schedule) string {
	n := len(s.DecayEpochs)
	if n == 0 || s.Steps == 0 || s.DecayEpochs[n-1]*s.PerEpoch < s.Steps {
		return ""
	}
	return fmt.Sprintf("decay_epochs has a fall of the learning rate after epoch %d, which the run of %d steps of %d an epoch does not reach; give a longer run or earlier --decay-epochs",
		s.DecayEpochs[n-1], s.Steps, s.PerEpoch)
}
