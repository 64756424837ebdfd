# files: include/kvm/arm_vgic.h
# What has been read of LPIs' tables.
/^struct vgic_dist {$/,/^};$/s/^	struct xarray		lpi_xa;$/&\
\
	\/* Held from before LPIs' tables are read until the LPIs have what they say. *\/\
	struct mutex		lpi_tables_lock;\
	\/* Changes when what has been read for LPIs that are to be mapped is out of date. *\/\
	u32			lpi_tables_gen;/
/^struct vgic_cpu {$/i\
/* The INTIDs of 16 bits that are LPIs, as bits, in parts that are allocated when needed. */\
#define VGIC_LPI_NR_SEEN	7\
#define VGIC_LPI_SEEN_BYTES	1024\

/^struct vgic_cpu {$/,/^};$/s/^	atomic_t ctlr;$/&\
	\/* The bits of the pending table that count no more, and where the table is. *\/\
	unsigned long *lpis_seen[VGIC_LPI_NR_SEEN];\
	gpa_t lpis_seen_at;/
