import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const item = (name) => `.o_collections_items li:has(label:contains("${name}"))`;

/** Untick an item of those that the page proposes. */
function leave(name) {
    return { content: `leave ${name}`, trigger: `${item(name)} input:checked`, run: "click" };
}

/** Do something with the items that are ticked; a form opens. */
function choose(words) {
    return {
        content: words,
        trigger: `.o_collections_actions button:contains("${words}")`,
        run: "click",
        expectUnloadPage: true,
    };
}

const send = {
    content: "send",
    trigger: ".o_collections_portal form[method='post'] button.btn-primary[type='submit']",
    run: "click",
    expectUnloadPage: true,
};

/** Choose a file. */
function attach(words, name) {
    return {
        content: name,
        trigger: "input#files",
        run({ anchor }) {
            const files = new window.DataTransfer();
            files.items.add(new window.File([words], name, { type: "text/plain" }));
            anchor.files = files.files;
        },
    };
}

/** Choose the first or last day that a form offers. */
function day(limit) {
    return {
        content: "on which day",
        trigger: "input#date",
        run({ anchor }) {
            anchor.value = anchor[limit];
        },
    };
}

/** Three of five overdue invoices are paid, one of them in part. */
tours.add("collections_portal_pay", {
    steps: () => [
        leave("FOURTH"),
        leave("FIFTH"),
        choose("Pay online"),
        { content: "the sum", trigger: `.fs-5:contains("$ 600.00")` },
        {
            content: "less of the third",
            trigger: `li:contains(THIRD) input[inputmode="decimal"]`,
            run: "edit 120.50",
        },
        {
            content: "change the amounts",
            trigger: `button:contains("Change the amounts")`,
            run: "click",
            expectUnloadPage: true,
        },
        { content: "the new sum", trigger: `.fs-5:contains("$ 420.50")` },
        {
            content: "a card",
            trigger: `#o_payment_form input[name="customer_input"], input[name="customer_input"], #customer_input`,
            run: "edit 4242",
        },
        {
            content: "pay",
            trigger: `button[name="o_payment_submit_button"]:not(:disabled)`,
            run: "click",
            expectUnloadPage: true,
        },
        { content: "thanks", trigger: `.alert:contains("Your payment is being booked")` },
        { content: "what is left of the third", trigger: `${item("THIRD")}:contains("$ 179.50")` },
        { content: "the others are open", trigger: `${item("FIFTH")}:contains("$ 500.00")` },
        { content: "paid", trigger: `.o_collections_items:not(:contains(FIRST))` },
    ],
});

/** From the link in a message, without a login. */
tours.add("collections_portal_promise", {
    steps: () => [
        ...["SECOND", "THIRD", "FOURTH", "FIFTH"].map(leave),
        choose("Tell us when you will pay"),
        day("min"),
        send,
        { content: "noted", trigger: `.alert:contains("we have noted when you will pay")` },
        { content: "what it means", trigger: `${item("FIRST")}:contains("You promised to pay")` },
    ],
});

/** With a file. */
tours.add("collections_portal_dispute", {
    steps: () => [
        ...["FIRST", "THIRD", "FOURTH", "FIFTH"].map(leave),
        choose("Something is wrong"),
        {
            content: "a reason",
            trigger: `.form-check:contains("Wrong price") input`,
            run: "click",
        },
        { content: "in words", trigger: "textarea#note", run: "edit We agreed on 150" },
        attach("150 each", "offer.txt"),
        send,
        { content: "noted", trigger: `.alert:contains("we have noted it")` },
        { content: "what it means", trigger: `${item("SECOND")}:contains("You disputed it")` },
    ],
});

/** What became of it. */
tours.add("collections_portal_answer", {
    steps: () => [
        {
            content: "agreements",
            trigger: `.nav-link:contains(Agreements)`,
            run: "click",
            expectUnloadPage: true,
        },
        { content: "the verdict", trigger: `li:contains(SECOND) .badge:contains("Not accepted")` },
        {
            content: "messages",
            trigger: `.nav-link:contains(Messages)`,
            run: "click",
            expectUnloadPage: true,
        },
        { content: "the answer", trigger: `article:contains("The price is as agreed.")` },
    ],
});

const sign = [
    {
        content: "see it",
        trigger: `a:contains("See and sign")`,
        run: "click",
        expectUnloadPage: true,
    },
    { content: "what one agrees to", trigger: `section:contains("you acknowledge")` },
    {
        content: "the name is there, the signature is made of it",
        trigger: ".o_web_sign_name_and_signature input[name='signer']",
        run: "edit Paula Client",
    },
    {
        content: "sign",
        trigger: ".o_portal_sign_submit:enabled",
        run: "click",
        expectUnloadPage: true,
    },
    { content: "signed", trigger: `.alert:contains("Signed by Paula Client")` },
];

/** A proposal is read and signed. */
tours.add("collections_portal_sign", { steps: () => sign });

/** It is signed, and paid by itself from now on. */
tours.add("collections_portal_automatic", {
    steps: () => [
        ...sign,
        {
            content: "by itself",
            trigger: `.o_collections_automatic a:contains("Turn on automatic payment")`,
            run: "click",
            expectUnloadPage: true,
        },
        { content: "what one agrees to", trigger: `p:contains("I agree that each instalment")` },
        { content: "a card", trigger: "#customer_input", run: "edit 4242" },
        {
            content: "save it",
            trigger: `button[name="o_payment_submit_button"]:not(:disabled)`,
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "what is charged next",
            trigger: `.o_collections_automatic:contains("The next charge is of $ 700.00")`,
        },
    ],
});

/** The first instalment was charged; the customer wants no more of that. */
tours.add("collections_portal_charged", {
    steps: () => [
        {
            content: "agreements",
            trigger: `.nav-link:contains(Agreements)`,
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "the plan",
            trigger: `li.list-group-item a:contains(See)`,
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "paid",
            trigger: `.o_collections_instalments tr:contains("$ 700.00"):contains(Paid)`,
        },
        { content: "charged", trigger: `li:contains("$ 700.00") .badge:contains(Charged)` },
        {
            content: "no more",
            trigger: `button:contains("Turn off automatic payment")`,
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "it is off",
            trigger: `.o_collections_automatic a:contains("Turn on automatic payment")`,
        },
    ],
});

/** With a proof. */
tours.add("collections_portal_report", {
    steps: () => [
        ...["FIRST", "SECOND", "FOURTH", "FIFTH"].map(leave),
        choose("It is paid already"),
        day("max"),
        { content: "the reference", trigger: "input#reference", run: "edit TR-300" },
        attach("Transfer of 300.00", "transfer.txt"),
        send,
        { content: "noted", trigger: `.alert:contains("we have noted it")` },
        {
            content: "what it means",
            trigger: `${item("THIRD")}:contains("You told us that it is paid")`,
        },
    ],
});

/** The collector finds the money. */
tours.add("collections_portal_match", {
    steps: () => [
        {
            content: "the money that was found",
            trigger: `.o_field_widget[name="match_ids"] .o_kanban_record:contains("TR-300")`,
        },
        {
            content: "it is this one",
            trigger: `.o_kanban_record button[name="action_accept"]`,
            run: "click",
        },
        {
            content: "credited",
            trigger: `.o_field_widget[name="state"] button[data-value="credited"].o_arrow_button_current`,
        },
    ],
});

/** The customer sees it. */
tours.add("collections_portal_credited", {
    steps: () => [
        { content: "no longer open", trigger: `.o_collections_items:not(:contains(THIRD))` },
        {
            content: "agreements",
            trigger: `.nav-link:contains(Agreements)`,
            run: "click",
            expectUnloadPage: true,
        },
        { content: "received", trigger: `li:contains(THIRD) .badge:contains("Received")` },
        {
            content: "all invoices",
            trigger: `.nav-link:contains("All invoices")`,
            run: "click",
            expectUnloadPage: true,
        },
        { content: "paid", trigger: `tr:contains(THIRD) .badge:contains("Paid")` },
    ],
});

/** Nothing of the page is beside the screen. */
function fits(what) {
    return {
        content: `${what} fits on the screen`,
        trigger: ".o_collections_portal",
        run() {
            const width = document.documentElement.clientWidth;
            const beside = [...document.querySelectorAll(".o_collections_portal *")].filter(
                (part) => part.getBoundingClientRect().right > width + 1
            );
            if (document.documentElement.scrollWidth > width || beside.length) {
                throw new Error(`${what} is wider than ${width} px: ${beside[0]?.outerHTML}`);
            }
        },
    };
}

function tab(words) {
    return {
        content: words,
        trigger: `.nav-link:contains("${words}")`,
        run: "click",
        expectUnloadPage: true,
    };
}

/** In Spanish on a phone: promise, look at everything, write. */
tours.add("collections_portal_phone", {
    steps: () => [
        fits("the first page"),
        ...["SECOND", "THIRD", "FOURTH", "FIFTH"].map(leave),
        choose("Díganos cuándo pagará"),
        fits("the form"),
        day("min"),
        send,
        { content: "noted", trigger: `.alert:contains("hemos anotado")` },
        { content: "what it means", trigger: `${item("FIRST")}:contains("Prometió pagar")` },
        { content: "next dates", trigger: `.o_collections_next:contains("Prometió pagar")` },
        tab("Todas las facturas"),
        fits("the list of invoices"),
        tab("Acuerdos"),
        fits("the list of agreements"),
        { content: "the promise", trigger: `li:contains(FIRST) .badge:contains("Anotado")` },
        tab("Mensajes"),
        fits("the conversation"),
        { content: "a question", trigger: "textarea#text", run: "edit ¿Cuándo entregan?" },
        send,
        { content: "sent", trigger: `article:contains("¿Cuándo entregan?")` },
        fits("the answer"),
        tab("Lo pendiente"),
    ],
});
