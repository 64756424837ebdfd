// SPDX-License-Identifier: GPL-2.0-only
/*
 * IRQ bypass manager: brings together who produces an interrupt and who consumes
 * it, so that the interrupt can go from one to the other without the host. They
 * know each other by a token. <linux/irqbypass.h> has the theory.
 *
 * Each side is kept by its token, so that finding the other one costs the same
 * however many there are.
 */
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/irqbypass.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("IRQ bypass manager utility module");

/* Guards both, and the connections. Callbacks are called inside. */
static DEFINE_MUTEX(bypass_lock);
static DEFINE_XARRAY_FLAGS(producers, XA_FLAGS_ACCOUNT);
static DEFINE_XARRAY_FLAGS(consumers, XA_FLAGS_ACCOUNT);

/* A token is the address of an object, so its last bits say nothing. */
static unsigned long bypass_index(void *token)
{
	return (unsigned long)token / sizeof(u64);
}

static void bypass_stop(struct irq_bypass_producer *producer,
			struct irq_bypass_consumer *consumer)
{
	if (producer->stop)
		producer->stop(producer);
	if (consumer->stop)
		consumer->stop(consumer);
}

static void bypass_start(struct irq_bypass_producer *producer,
			 struct irq_bypass_consumer *consumer)
{
	if (consumer->start)
		consumer->start(consumer);
	if (producer->start)
		producer->start(producer);
}

static int bypass_add(struct irq_bypass_producer *producer,
		      struct irq_bypass_consumer *consumer)
{
	int ret;

	if (producer->add_consumer) {
		ret = producer->add_consumer(producer, consumer);
		if (ret)
			return ret;
	}

	ret = consumer->add_producer(consumer, producer);
	if (ret && producer->del_consumer)
		producer->del_consumer(producer, consumer);
	return ret;
}

static int bypass_connect(struct irq_bypass_producer *producer,
			  struct irq_bypass_consumer *consumer)
{
	int ret;

	bypass_stop(producer, consumer);
	ret = bypass_add(producer, consumer);
	bypass_start(producer, consumer);
	return ret;
}

static void bypass_disconnect(struct irq_bypass_producer *producer,
			      struct irq_bypass_consumer *consumer)
{
	bypass_stop(producer, consumer);
	consumer->del_producer(consumer, producer);
	if (producer->del_consumer)
		producer->del_consumer(producer, consumer);
	bypass_start(producer, consumer);
}

/**
 * irq_bypass_register_producer() - Offer an interrupt to the consumer of its token.
 * @producer: The interrupt. Stays the manager's until it is unregistered.
 *
 * Connects the two if the consumer is there, else when it comes.
 *
 * Context: May sleep.
 * Return: 0; EINVAL without a token; EBUSY if the token has a producer; ENOMEM; or
 * why the two cannot be connected. After an error the producer is not registered.
 */
int irq_bypass_register_producer(struct irq_bypass_producer *producer)
{
	unsigned long index = bypass_index(producer->token);
	struct irq_bypass_consumer *consumer;
	int ret;

	if (!index)
		return -EINVAL;

	guard(mutex)(&bypass_lock);
	ret = xa_insert(&producers, index, producer, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;

	consumer = xa_load(&consumers, index);
	if (consumer)
		ret = bypass_connect(producer, consumer);
	if (ret)
		xa_erase(&producers, index);
	return ret;
}
EXPORT_SYMBOL_GPL(irq_bypass_register_producer);

/**
 * irq_bypass_unregister_producer() - Take an interrupt back.
 * @producer: The interrupt; need not be registered.
 *
 * Context: May sleep.
 */
void irq_bypass_unregister_producer(struct irq_bypass_producer *producer)
{
	unsigned long index = bypass_index(producer->token);
	struct irq_bypass_consumer *consumer;

	if (!index)
		return;

	guard(mutex)(&bypass_lock);
	if (xa_load(&producers, index) != producer)
		return;

	consumer = xa_load(&consumers, index);
	if (consumer)
		bypass_disconnect(producer, consumer);
	xa_erase(&producers, index);
}
EXPORT_SYMBOL_GPL(irq_bypass_unregister_producer);

/**
 * irq_bypass_register_consumer() - Ask for the interrupt of a token.
 * @consumer: Who wants it. Stays the manager's until it is unregistered.
 *
 * Connects the two if the producer is there, else when it comes.
 *
 * Context: May sleep.
 * Return: As irq_bypass_register_producer(); EINVAL also without a callback that
 * has to be there.
 */
int irq_bypass_register_consumer(struct irq_bypass_consumer *consumer)
{
	unsigned long index = bypass_index(consumer->token);
	struct irq_bypass_producer *producer;
	int ret;

	if (!index || !consumer->add_producer || !consumer->del_producer)
		return -EINVAL;

	guard(mutex)(&bypass_lock);
	ret = xa_insert(&consumers, index, consumer, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;

	producer = xa_load(&producers, index);
	if (producer)
		ret = bypass_connect(producer, consumer);
	if (ret)
		xa_erase(&consumers, index);
	return ret;
}
EXPORT_SYMBOL_GPL(irq_bypass_register_consumer);

/**
 * irq_bypass_unregister_consumer() - No longer want the interrupt of a token.
 * @consumer: Who wanted it; need not be registered.
 *
 * Context: May sleep.
 */
void irq_bypass_unregister_consumer(struct irq_bypass_consumer *consumer)
{
	unsigned long index = bypass_index(consumer->token);
	struct irq_bypass_producer *producer;

	if (!index)
		return;

	guard(mutex)(&bypass_lock);
	if (xa_load(&consumers, index) != consumer)
		return;

	producer = xa_load(&producers, index);
	if (producer)
		bypass_disconnect(producer, consumer);
	xa_erase(&consumers, index);
}
EXPORT_SYMBOL_GPL(irq_bypass_unregister_consumer);
