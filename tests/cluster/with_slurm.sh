#!/usr/bin/env bash
# Run a command beside a real SLURM of one node, started here and stopped afterwards:
#   tests/cluster/with_slurm.sh .venv/bin/python -m pytest -m cluster tests/cluster
#   tests/cluster/with_slurm.sh bash
# Needs root. Missing packages (Debian: slurm-wlm, munge) are installed; nothing of the system's own SLURM is touched:
# keys, state, sockets and ports are this one's. Two partitions: jobs in "high" preempt jobs in "low".
set -euo pipefail

say() { printf 'slurm: %s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }

export PATH="$PATH:/usr/sbin"
[ "$(id -u)" = 0 ] || fail "slurmctld and slurmd must be started as root"
missing=()
for program in munged slurmctld slurmd sbatch srun scontrol squeue; do
    command -v "$program" >/dev/null || missing+=("$program")
done
if [ "${#missing[@]}" != 0 ]; then
    command -v apt-get >/dev/null || fail "${missing[*]} not found; install SLURM and munge"
    say "installing slurm-wlm and munge with apt (missing: ${missing[*]})"
    apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge >/dev/null
fi

state="$(mktemp -d /tmp/slurm.XXXXXX)"
chmod 755 "$state"
mkdir "$state/controller" "$state/daemon"
head -c 1024 /dev/urandom > "$state/munge.key"
chmod 400 "$state/munge.key"
export SLURM_CONF="$state/slurm.conf"

# cred_expire: a requeued job waits that long before it starts again (120 s by default).
# KillWait: from SIGTERM to SIGKILL. config_overrides: more CPUs than there are, so that two jobs of two tasks fit.
cat > "$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/daemon
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
JobRequeue=1
KillWait=60
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=localhost NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=low Nodes=localhost Default=YES MaxTime=60 PriorityTier=1 GraceTime=60 State=UP
PartitionName=high Nodes=localhost MaxTime=60 PriorityTier=2 PreemptMode=OFF State=UP
CONF

stop() {
    scancel --user=root --full --signal=KILL 2>/dev/null || true
    scancel --user=root 2>/dev/null || true
    for _ in $(seq 50); do
        [ -z "$(squeue --noheader 2>/dev/null)" ] && break
        sleep 0.2
    done
    for daemon in slurmd slurmctld munged; do
        [ -s "$state/$daemon.pid" ] && kill "$(cat "$state/$daemon.pid")" 2>/dev/null || true
    done
    for _ in $(seq 50); do
        pgrep --pidfile "$state/slurmctld.pid" >/dev/null 2>&1 || break
        sleep 0.1
    done
    [ -n "${KEEP_SLURM_LOGS:-}" ] && cp "$state"/*.log "$KEEP_SLURM_LOGS" 2>/dev/null || true
    rm -rf "$state"
}
trap stop EXIT

munged --force --key-file="$state/munge.key" --socket="$state/munge.socket" --pid-file="$state/munged.pid" \
    --log-file="$state/munged.log" --seed-file="$state/munged.seed" 2>/dev/null
slurmctld -c
slurmd -c
for _ in $(seq 100); do
    [ "$(sinfo --noheader --partition=low --format=%t 2>/dev/null)" = idle ] && break
    sleep 0.2
done
[ "$(sinfo --noheader --partition=low --format=%t 2>/dev/null)" = idle ] \
    || { tail -n 20 "$state"/slurm*.log >&2; fail "the node does not become idle"; }
say "$(sinfo --version) runs; configuration: $SLURM_CONF"

"$@"
