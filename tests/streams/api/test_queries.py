from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.api.queries import Listing, QueryError, checked_id, followed_match, listing_of, no_query

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(str.strip)


@given(
    st.none() | st.booleans(),
    st.none() | NAMES,
    st.none() | st.integers(1, 1000),
    st.sampled_from(["newest", "swing"]),
)
def test_what_can_be_asked_for_is_understood(live, competition, limit, sort):
    given_ = {"live": live and "true", "competition": competition, "limit": limit, "sort": sort}
    if live is False:
        given_["live"] = "false"
    query = urlencode({name: value for name, value in given_.items() if value is not None})

    assert Listing(live, competition, limit or 100, sort) == listing_of(query)


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.binary().map(quote))
def test_anything_else_is_refused_in_one_sentence(query):
    for parse in (listing_of, followed_match, no_query):
        sentence = ""
        try:
            parse(query)
        except QueryError as error:
            sentence = str(error)
        assert len(sentence) < 300
        assert "\n" not in sentence


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("live=yes", "live is 'yes', not true or false"),
        ("limit=0", "limit is '0', not a whole number from 1 to 1000"),
        ("limit=" + "9" * 5000, "not a whole number from 1 to 1000"),
        ("limit=%D9%A3", "limit is '٣', not a whole number from 1 to 1000"),
        ("limit=", "limit is '', not a whole number from 1 to 1000"),
        ("sort=oldest", "sort is 'oldest', not newest or swing"),
        ("competition=", "competition is '', not 1 to 200 characters"),
        ("competition=%FF", "is not UTF-8"),
        ("live=true&live=true", "live is given twice"),
        ("page=2", "'page' can not be asked for here, only live or competition or limit or sort"),
        ("&".join(["live=true"] * 30), "of more than 20 values"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_would_have_been_right(query, sentence):
    with pytest.raises(QueryError) as caught:
        listing_of(query)

    assert sentence in str(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "x" * 201])
def test_an_id_has_some_characters_and_not_too_many(text):
    with pytest.raises(QueryError, match=r"match_id is .*, not 1 to 200 characters"):
        checked_id(text, "match_id")
