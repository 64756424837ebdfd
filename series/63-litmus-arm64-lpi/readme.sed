# files: Documentation/litmus-tests/README
/^locking (\/locking directory)$/i\
kvm (/kvm directory)\
--------------------\
\
EnableLPIs-set.litmus\
EnableLPIs-set-wfi.litmus\
EnableLPIs-set-broken.litmus\
    An LPI becomes pending for a vCPU of an arm64 guest while the guest\
    sets GICR_CTLR.EnableLPIs.  The vCPU is about to enter the guest, or\
    to block.  It must not do either without the LPI.  In the broken form\
    the LPI is queued only while LPIs are enabled.\
\
EnableLPIs-clear.litmus\
EnableLPIs-clear-broken.litmus\
    The guest clears GICR_CTLR.EnableLPIs while an LPI is retargeted to\
    that vCPU, and an MSI arrives.  The LPI must not be pending afterwards.\
    In the broken form a full barrier is missing.\
\
EnableGrp1-set.litmus\
EnableGrp1-set-broken.litmus\
    An LPI becomes pending while the guest sets GICD_CTLR.EnableGrp1.  The\
    vCPU must be kicked.  In the broken form a full barrier is missing.\
\
ITS-reset.litmus\
ITS-reset-broken.litmus\
    The VMM resets an ITS and restores tables while an MSI arrives.  An\
    MSI that was sent before must not reach what is mapped after.  In the\
    broken form the grace period is missing.\
\

